import { formatGithub, workflowCommand } from './github.ts';
import { type Finding, type ObjectChange, objectName, type PlanCheck, verdictOf } from './plan-check.ts';

/**
 * Annotations: the problems, what is refused, what waits, and limits that are looser; then the verdict as a notice. `failing`: findings that
 * are errors.
 */
export function formatCheckGithub(check: PlanCheck, failing: ReadonlySet<Finding>): string {
  const { problems, objects, affected } = check;
  const commands = [
    ...objects.flatMap((one) => refusals(one, failing)),
    ...affected.flatMap((one) => {
      if (one.after !== 'refused') return [];
      const text = `${objectName(one)} is unchanged, and is refused now: ${one.message}`;
      return [workflowCommand(level('refused', failing), { ...one.source, title: 'Refused' }, text)];
    }),
    ...looser(check, failing),
    workflowCommand('notice', { title: 'Squall plan' }, verdictOf(check)),
  ];
  return `${formatGithub(problems)}${commands.map((line) => `${line}\n`).join('')}`;
}

function level(finding: Finding, failing: ReadonlySet<Finding>): 'error' | 'warning' {
  return failing.has(finding) ? 'error' : 'warning';
}

function refusals(one: ObjectChange, failing: ReadonlySet<Finding>): string[] {
  const against = (one.after?.experiments ?? []).filter(
    ({ outcome }) => outcome === 'refused' || outcome === 'waits',
  );
  return against.map(({ outcome, code, step, message }) => {
    const which = `${objectName(one)}${step === null ? '' : `, ${step}`}`;
    const refused = outcome === 'refused' && one.after?.outcome === 'refused';
    const title = [refused ? 'Refused' : 'Waits', ...(code === null ? [] : [code])].join(': ');
    const text = `${which}: ${message}`;
    return workflowCommand(refused ? level('refused', failing) : 'notice', { ...one.source, title }, text);
  });
}

/** Beside the first Policy that was added or edited: what counts is what all say together. */
function looser({ limits, objects }: PlanCheck, failing: ReadonlySet<Finding>): string[] {
  const place = objects.find(({ kind, change }) => kind === 'Policy' && change !== 'removed')?.source;
  return limits
    .filter(({ direction }) => direction !== 'tighter')
    .map(({ limit, from, to, direction }) => {
      const text = `${limit} is ${direction} over all Policies: ${from} -> ${to}`;
      return workflowCommand(level('loosened', failing), { ...place, title: 'Limit loosened' }, text);
    });
}
