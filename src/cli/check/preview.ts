import type { Reading } from '../../core/clock.ts';
import { durationMs } from '../../core/duration.ts';
import type { Manifest } from '../../core/kinds.ts';
import type { Container, ExperimentSpec, Mode, Run } from '../../core/types.ts';
import type { Plan, Refusal } from '../../plan/actions.ts';
import { type Drafted, draftedBy, withDrafted } from '../../plan/drafts.ts';
import { hitByRun, serviceKey } from '../../plan/hit.ts';
import type { PlanInput } from '../../plan/input.ts';
import { planExperiment } from '../../plan/plan.ts';
import { consentOf } from '../../plan/policy/consent.ts';
import { refuseDuration, refuseFaults } from '../../plan/policy/enforce.ts';
import { refuseHours } from '../../plan/policy/hours.ts';
import { limitsOf } from '../../plan/policy/limits.ts';
import { selectTargets } from '../../plan/targets.ts';
import { faultParameters } from '../../report/faults.ts';
import type { ExperimentPreview, Outcome, ServiceShare } from '../../report/plan-check.ts';
import { valueText } from '../../report/plan-check.ts';
import { assumedHosts, WHOLE_HOST } from './assumed.ts';

/** What a preview is made of. */
export interface PreviewWorld {
  clock: Reading;
  /** Undefined where nobody knows them. */
  containers: readonly Container[] | undefined;
  /** Ids of Squall's own containers. */
  self: ReadonlySet<string>;
}

/** An experiment as a tree has it, or as a schedule or a step holds it. */
export interface Asked {
  name: string | null;
  step: string | null;
  spec: ExperimentSpec;
  /** Another file declares it differently. */
  conflict?: string | undefined;
  policies: readonly Manifest<'Policy'>[];
  /** Wall ms; now where it is not given. */
  at?: number;
  /** What is under way at the same time. */
  beside?: readonly Drafted[];
  /** ms that it may wait for an hour or a budget: what is refused for longer is refused. Without: as long as it takes. */
  patience?: number;
}

export interface Previewed {
  preview: ExperimentPreview;
  /** What it would bring, for those that come after it. */
  drafted: Drafted | undefined;
}

const UID = 'preview';
/** In the place of an experiment that has no name of its own. */
const NAMELESS = 'its-own';

/** What a start of the experiment would come to. A `suspend` of its own does not count. Pure. */
export function previewExperiment(asked: Asked, world: PreviewWorld): Previewed {
  const { containers } = world;
  if (!containers) return { preview: previewUnknown(asked, world), drafted: undefined };
  const input = inputOf(asked, { ...world, containers });
  const alone = planOf(input);
  const outcome = outcomeOf(alone, asked);
  if (outcome !== 'hits') return { preview: previewOf(asked, outcome, sayingOf(alone)), drafted: undefined };
  const { beside = [] } = asked;
  const together = beside.length === 0 ? alone : planOf(withDrafted(input, beside));
  const drafted = draftedBy(input, alone);
  if (outcomeOf(together, asked) === 'hits' || !drafted)
    return { preview: withTargets(asked, input, alone, drafted), drafted };
  const saying = sayingOf(together);
  const message = `not while others are under way: ${saying.message}`;
  return { preview: previewOf(asked, 'waits', { ...saying, message }), drafted: undefined };
}

/** One that is not there, or that cannot be said anything of. */
export function previewMissing(name: string | null, step: string | null, message: string): ExperimentPreview {
  return {
    name,
    step,
    outcome: 'refused',
    code: 'SQ502',
    reason: 'NotThere',
    message,
    duration: '',
    faults: [],
    select: '',
    mode: '',
    targets: [],
    drawnFrom: null,
    sharers: [],
    services: [],
  };
}

function inputOf(
  { name, spec, conflict, policies, at }: Asked,
  { clock, containers, self }: PreviewWorld & { containers: readonly Container[] },
): PlanInput {
  const called = name ?? NAMELESS;
  return {
    name: called,
    clock: at === undefined ? clock : { ...clock, now: () => at },
    manifest: {
      kind: 'Experiment',
      name: called,
      labels: {},
      spec: atMost(spec),
      specHash: '',
      source: { file: '', line: 1, column: 1 },
      ...(conflict !== undefined && { conflict }),
    },
    record: undefined,
    run: undefined,
    effects: [],
    observations: new Map(),
    world: { containers, hosts: new Map(), host: WHOLE_HOST },
    others: [],
    foreign: [],
    self,
    inherited: undefined,
    policies,
    gate: { holds: true, message: '' },
    running: [],
    runsSince: () => [],
    halted: false,
    fresh: { uid: UID, runNumber: 1 },
  };
}

/** A share that is drawn up to a limit counts as the limit, unless a seed settles it. */
function atMost({ suspend: _, targets, ...spec }: ExperimentSpec): ExperimentSpec {
  const { mode, seed } = targets;
  if (typeof mode === 'string' || !('maxPercent' in mode) || seed !== undefined) return { ...spec, targets };
  return { ...spec, targets: { ...targets, mode: { percent: mode.maxPercent } } };
}

/** Host names are taken to resolve: a preview enters no container. */
function planOf(input: PlanInput): Plan {
  const plan = planExperiment(input);
  if (plan.lookups.length === 0) return plan;
  return planExperiment({ ...input, world: { ...input.world, hosts: assumedHosts(plan.lookups) } });
}

function outcomeOf(
  { actions, record, refusal }: Plan,
  { patience = Number.POSITIVE_INFINITY }: Asked,
): Outcome {
  if (actions.some(({ kind }) => kind === 'start')) return 'hits';
  if (record?.phase === 'Pending') return 'waits';
  return lifted(refusal, patience) ? 'waits' : 'refused';
}

/** By time alone. */
function lifted(refusal: Refusal | undefined, patience: number): boolean {
  return refusal?.retryAfter !== undefined && refusal.retryAfter <= patience;
}

type Saying = Pick<ExperimentPreview, 'code' | 'reason' | 'message'>;

function sayingOf({ record, refusal }: Plan): Saying {
  return { code: refusal?.code ?? null, reason: record?.reason ?? '', message: record?.message ?? '' };
}

function previewOf(asked: Asked, outcome: Outcome, saying: Saying): ExperimentPreview {
  return { ...previewMissing(asked.name, asked.step, ''), ...writtenOf(asked), outcome, ...saying };
}

function writtenOf({ spec }: Asked): Pick<ExperimentPreview, 'duration' | 'faults' | 'select' | 'mode'> {
  const { duration, faults, targets } = spec;
  const select = Object.entries(targets.select).map(([key, value]) => `${key}: ${valueText(value)}`);
  return {
    duration,
    faults: faults.map((fault) => ({ type: fault.type, parameters: faultParameters(fault) })),
    select: select.join(', '),
    mode: modeText(targets.mode),
  };
}

function modeText(mode: Mode): string {
  return typeof mode === 'string'
    ? mode
    : Object.entries(mode)
        .map(([key, value]) => `${key}: ${value}`)
        .join('');
}

function withTargets(
  asked: Asked,
  input: PlanInput,
  plan: Plan,
  drafted: Drafted | undefined,
): ExperimentPreview {
  const run = drafted?.run as Run;
  const { containers } = input.world;
  const hit = hitByRun(run, containers);
  const targets = run.targets.map(({ name }) => name).sort();
  const sharers = hit.map(({ name }) => name).filter((name) => !targets.includes(name));
  const { candidates, leftOut } = selectTargets(asked.spec, consentOf(input), UID);
  const drawn = asked.spec.targets.seed === undefined && candidates.length > targets.length;
  return {
    ...previewOf(asked, 'hits', { code: null, reason: sayingOf(plan).reason, message: leftOut ?? '' }),
    targets,
    drawnFrom: drawn ? candidates.map(({ name }) => name).sort() : null,
    sharers: sharers.sort(),
    services: sharesOf(hit, candidates, containers),
  };
}

/** Of each service all containers count, whatever their state; of those without one, the ones that are selected. */
function sharesOf(
  hit: readonly Container[],
  candidates: readonly Container[],
  containers: readonly Container[],
): ServiceShare[] {
  const loose = new Set([...hit, ...candidates].filter((one) => serviceKey(one) === undefined));
  return [...Map.groupBy(hit, serviceKey)]
    .map(([service, all]) => ({
      service: service ?? null,
      hit: all.length,
      of: service === undefined ? loose.size : containers.filter((one) => serviceKey(one) === service).length,
    }))
    .sort((a, b) => ((a.service ?? '') < (b.service ?? '') ? -1 : 1));
}

/** What Policies say whoever is hit. */
function previewUnknown(asked: Asked, { clock }: PreviewWorld): ExperimentPreview {
  const { spec, policies, conflict, at = clock.now(), patience = Number.POSITIVE_INFINITY } = asked;
  const limits = limitsOf(policies);
  const duration = durationMs(spec.duration);
  const taken: Refusal | undefined =
    conflict === undefined ? undefined : { code: 'SQ104', reason: 'NameTaken', message: conflict };
  const refusal =
    taken ??
    limits.blocked ??
    refuseFaults(limits, spec.faults) ??
    refuseDuration(limits, duration) ??
    refuseHours(limits, at, duration);
  if (!refusal) return previewOf(asked, 'unknown', { code: null, reason: '', message: '' });
  const { code, reason, message } = refusal;
  return previewOf(asked, lifted(refusal, patience) ? 'waits' : 'refused', { code, reason, message });
}
