import { formatDuration } from '../core/duration.ts';
import type { ExperimentRecord } from '../core/types.ts';
import type { Action, Plan } from '../plan/actions.ts';
import { clean } from './clean.ts';
import { shortParameters } from './faults.ts';
import { plural } from './problems.ts';
import { paintWord, type Style } from './style.ts';

/** The plan for one experiment. */
export interface NamedPlan {
  name: string;
  plan: Plan;
}

type Sign = '+' | '~' | '-';

/** The plan as `-o json` gives it: stable, documented. */
export interface PlanView {
  name: string;
  /** What it would be; null where the object ends. */
  phase: string | null;
  reason: string;
  message: string;
  duration: string | null;
  /** Fields of a run that would start or be changed. */
  run: { id: string; trigger: string; targets: string[]; faults: string[] } | null;
  changes: { change: 'add' | 'change' | 'remove'; target: string; fault: string; reason: string }[];
}

/** What an adopted act changes is the journal alone. */
export function isDifferent({ plan }: NamedPlan): boolean {
  return plan.actions.some(({ kind }) => kind !== 'adopt');
}

export function viewPlan({ name, plan }: NamedPlan): PlanView {
  const { record } = plan;
  const draft = draftOf(plan);
  return {
    name,
    phase: record?.phase ?? null,
    reason: record?.reason ?? 'Deleted',
    message: record?.message ?? 'the manifest is gone',
    duration: record?.spec.duration ?? null,
    run: draft
      ? {
          id: draft.id,
          trigger: draft.trigger,
          targets: draft.targets.map((target) => target.name),
          faults: draft.faults.map(({ fault }) => fault.type),
        }
      : null,
    changes: plan.actions.flatMap(changeOf),
  };
}

const CHANGES = { '+': 'add', '~': 'change', '-': 'remove' } as const;

function changeOf(action: Action): PlanView['changes'] {
  if (action.kind === 'inject') {
    return [
      {
        change: CHANGES[signOf(action)],
        target: action.target.name,
        fault: action.fault.type,
        reason: action.reason,
      },
    ];
  }
  if (action.kind !== 'recover') return [];
  const { effect, reason } = action;
  return [{ change: 'remove', target: effect.target.name, fault: effect.fault.type, reason }];
}

function draftOf(plan: Plan) {
  const action = plan.actions.find(({ kind }) => kind === 'start' || kind === 'edit');
  return action && 'run' in action ? action.run : undefined;
}

/** All experiments, those at rest too, and a summary. */
export function formatPlans(plans: readonly NamedPlan[], style: Style): string {
  const blocks = plans.map((one) => `${[planHead(one, style), ...details(one, style)].join('\n')}\n`);
  return `${blocks.join('')}${blocks.length > 0 ? '\n' : ''}${summary(plans)}\n`;
}

/** Only what differs between what is wanted and what is there. */
export function formatDiff(plans: readonly NamedPlan[], style: Style): string {
  return plans
    .filter(isDifferent)
    .map((one) => `${[diffHead(one, style), ...details(one, style)].join('\n')}\n`)
    .join('');
}

function planHead({ name, plan }: NamedPlan, style: Style): string {
  const { record } = plan;
  if (!record) return `${clean(name)}: ends (the manifest is gone)`;
  return `${clean(name)}: ${paintWord(style, record.phase)}${why(record, plan)}`;
}

function diffHead({ name, plan }: NamedPlan, style: Style): string {
  const sign = overallSign(plan);
  const text = plan.record ? `${plan.record.phase}${why(plan.record, plan)}` : 'ends: the manifest is gone';
  return `${paintSign(sign, style)} ${style.bold(`experiment/${clean(name)}`)}  ${text}`;
}

function why(record: ExperimentRecord, plan: Plan): string {
  const draft = draftOf(plan);
  if (plan.lookups.length > 0)
    return `, once ${plan.lookups.map(({ host }) => clean(host)).join(', ')} resolves`;
  if (!draft)
    return [record.reason, record.message]
      .filter((text) => text !== '' && text !== record.phase)
      .map((text) => `, ${clean(text)}`)
      .join('');
  const verb = plan.actions.some(({ kind }) => kind === 'start') ? 'starts' : 'takes up the change';
  const { length } = draft.targets;
  const about = `${verb} on ${plural(length, 'target')} for ${formatDuration(draft.duration)}`;
  return `, run ${clean(draft.id)} ${about}${leftOut(record)}`;
}

/** What the message says after what runs: who was left alone, and why. */
function leftOut({ message }: ExperimentRecord): string {
  const at = message.indexOf('; ');
  return at === -1 ? '' : clean(message.slice(at));
}

function overallSign({ actions }: Plan): Sign {
  if (actions.some(({ kind }) => kind === 'start')) return '+';
  const ends = actions.some(({ kind }) => kind === 'end' || kind === 'finish' || kind === 'forget');
  const injects = actions.some(({ kind }) => kind === 'inject' || kind === 'edit');
  return ends && !injects ? '-' : '~';
}

function details({ plan }: NamedPlan, style: Style): string[] {
  return plan.actions.flatMap((action) => {
    if (action.kind === 'inject') {
      const { target, fault, reason } = action;
      return [detail(signOf(action), fault.type, target.name, shortParameters(fault), reason, style)];
    }
    if (action.kind === 'recover') {
      const { effect, reason } = action;
      return [
        detail('-', effect.fault.type, effect.target.name, shortParameters(effect.fault), reason, style),
      ];
    }
    if (action.kind === 'end') return [`    ${style.dim(`the run ends: ${clean(action.message)}`)}`];
    return [];
  });
}

function detail(
  sign: Sign,
  fault: string,
  target: string,
  parameters: string,
  reason: string,
  style: Style,
): string {
  const given = parameters === '' ? '' : `  ${style.dim(parameters)}`;
  return `    ${paintSign(sign, style)} ${clean(fault)} on ${clean(target)} (${reason})${given}`;
}

const CONVERGED = new Set<string>(['edited', 'peers', 'deadline']);

function signOf(action: Extract<Action, { kind: 'inject' }>): '+' | '~' {
  return CONVERGED.has(action.reason) ? '~' : '+';
}

function paintSign(sign: Sign, style: Style): string {
  return sign === '+' ? style.good(sign) : sign === '-' ? style.bad(sign) : style.busy(sign);
}

const REFUSED = new Set(['Denied', 'Invalid', 'Pending']);

/** How many want something that a daemon would not do now. */
export function countRefused(plans: readonly NamedPlan[]): number {
  return plans.filter(({ plan }) => REFUSED.has(plan.record?.phase ?? '')).length;
}

function summary(plans: readonly NamedPlan[]): string {
  const count = (test: (one: NamedPlan) => boolean) => plans.filter(test).length;
  const signs = (sign: Sign) => count((one) => isDifferent(one) && overallSign(one.plan) === sign);
  return `${plural(plans.length, 'experiment')}: ${signs('+')} to start, ${signs('~')} to change, ${signs('-')} to end, ${countRefused(plans)} waiting or refused`;
}
