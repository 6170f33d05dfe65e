import { describeProblem } from '../manifests/problem.ts';
import { cellCode, code, table } from './markdown.ts';
import {
  containersText,
  countsOf,
  type ExperimentPreview,
  hitCount,
  namesText,
  type ObjectChange,
  objectName,
  type PlanCheck,
  shareText,
  timeText,
  valueText,
  verdictOf,
  whoText,
} from './plan-check.ts';

/** By which a comment is found again. */
export const MARKER = '<!-- squall-plan -->';

/** Characters; a comment on GitHub holds 65,536. */
const MOST_MAIN = 40_000;
const MOST_DETAILS = 18_000;

/**
 * A comment for a pull request: the verdict, a table of what would be hit, what is refused, and details to unfold. What manifests and
 * containers bring stands in code spans alone, so that none of it is markup.
 */
export function formatCheckMarkdown(check: PlanCheck): string {
  const main = [
    MARKER,
    `### Squall plan: ${verdictOf(check)}`,
    '',
    `${countsOf(check)}${baseText(check)}. ${sentence(containersText(check))}`,
    ...check.notes.flatMap((note) => ['', code(note)]),
    ...section('', hitTable(check)),
    ...section('Not as it stands', refusalLines(check)),
    ...section('All Policies together', limitTable(check)),
    ...section('Problems in manifests', problemLines(check)),
  ];
  const details = check.objects.flatMap(detailLines);
  return `${[...cut(main, MOST_MAIN), ...folded(cut(details, MOST_DETAILS))].join('\n')}\n`;
}

function baseText({ base: { given, commit } }: PlanCheck): string {
  if (given === null) return ' (no base: everything is new)';
  return `, against ${code(given)}${commit === null ? '' : ` (${code(commit.slice(0, 12))})`}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return title === '' ? ['', ...lines] : ['', `#### ${title}`, '', ...lines];
}

/** Whole lines, as many as fit. */
function cut(lines: readonly string[], most: number): string[] {
  let length = 0;
  const fitting = lines.findIndex((line) => {
    length += line.length + 1;
    return length > most;
  });
  if (fitting < 0) return [...lines];
  return [
    ...lines.slice(0, fitting),
    '',
    `${lines.length - fitting} more lines: \`squall plan\` prints them all.`,
  ];
}

/** Markdown within HTML needs the empty lines around it. */
function folded(lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return ['', '<details><summary>Object by object</summary>', '', ...lines, '</details>'];
}

function hitTable({ objects }: PlanCheck): string[] {
  const rows = objects.flatMap((one) => {
    const name = `${one.change} ${cellCode(objectName(one))}`;
    if (!one.after) return one.kind === 'Policy' ? [] : [[name, 'ends', endText(one), '', '']];
    const suspended = one.after.suspended ? ', where it is started' : '';
    return one.after.experiments.map((experiment) => {
      const step = experiment.step === null ? '' : ` ${cellCode(experiment.step)}`;
      return [`${name}${step}`, ...hitCells(experiment, suspended)];
    });
  });
  return table(['Object', 'Containers', 'Share of each service', 'Faults', 'For'], rows);
}

function hitCells(one: ExperimentPreview, suspended: string): string[] {
  const faults = one.faults.map(({ type }) => cellCode(type)).join(', ');
  const duration = one.duration === '' ? '' : cellCode(one.duration);
  if (one.outcome === 'unknown') return ['not known', '', faults, duration];
  if (one.outcome !== 'hits') return [one.outcome, '', faults, duration];
  const shares = one.services.map((share) => shareText(share, cellCode)).join(', ');
  return [`${hitCount(one)}${suspended}`, shares, faults, duration];
}

function endText({ before }: ObjectChange): string {
  const who = before ? whoText(before, cellCode) : '';
  return `what runs of it is recovered${who === '' ? '' : `: ${who}`}`;
}

function place({ file, line }: { file: string; line: number }): string {
  return code(`${file}:${line}`);
}

function refusalLines({ objects, affected }: PlanCheck): string[] {
  const own = objects.flatMap((one) =>
    (one.after?.experiments ?? [])
      .filter(({ outcome }) => outcome === 'refused' || outcome === 'waits')
      .map(({ outcome, code: number, step, message }) => {
        const which = step === null ? '' : `, ${code(step)}`;
        const said = [...(number === null ? [] : [number]), code(message)].join(' ');
        return `- ${code(objectName(one))}${which} (${place(one.source)}): ${outcome}, ${said}`;
      }),
  );
  const others = affected.map((one) => {
    const message = one.message === '' ? '' : `, ${code(one.message)}`;
    return `- ${code(objectName(one))} (${place(one.source)}), unchanged: ${one.before} before, ${one.after} now${message}`;
  });
  return [...own, ...others];
}

function limitTable({ limits }: PlanCheck): string[] {
  const rows = limits.map(({ limit, from, to, direction }) => [
    cellCode(limit),
    cellCode(from),
    cellCode(to),
    direction === 'tighter' ? direction : `**${direction}**`,
  ]);
  return table(['Limit', 'Before', 'After', ''], rows);
}

function problemLines({ problems }: PlanCheck): string[] {
  return problems.map(
    (problem) => `- ${problem.severity} at ${place(problem)}: ${code(describeProblem(problem))}`,
  );
}

function detailLines(one: ObjectChange): string[] {
  const lines = [
    ...one.fields.map(
      ({ path, from, to }) => `${code(path)}: ${code(valueText(from))} → ${code(valueText(to))}`,
    ),
    ...(one.startedBy.length > 0 ? [`started by ${one.startedBy.map(code).join(', ')}`] : []),
    ...one.active.map(({ target, fault }) => `in the world now: ${code(fault)} on ${code(target)}`),
    ...scheduleLines(one),
    ...(one.after?.experiments ?? []).flatMap(experimentLines),
    ...(one.after?.refuses ?? []).map(
      ({ object, outcome, message }) =>
        `${outcome === 'refused' ? 'refuses' : 'lets wait'} ${code(object)}: ${code(message)}`,
    ),
  ];
  return [
    `**${one.change}** ${code(objectName(one))} at ${place(one.source)}`,
    '',
    ...lines.map((line) => `- ${line}`),
    ...(lines.length > 0 ? [''] : []),
  ];
}

function scheduleLines({ after }: ObjectChange): string[] {
  const schedule = after?.schedule;
  if (!schedule) return [];
  const times = schedule.times.map((time) => {
    const note = time.outcome === 'refused' || time.outcome === 'waits' ? ` ${time.outcome}` : '';
    const why = note !== '' && time.message !== '' ? `, ${code(time.message)}` : '';
    return `at ${code(timeText(time, schedule.timeZone))}${note}${why}`;
  });
  return [
    `starts ${code(schedule.starts)}`,
    ...(times.length === 0 ? ['at no time in the coming years'] : times),
  ];
}

function experimentLines(one: ExperimentPreview): string[] {
  const step = one.step === null ? '' : `${code(one.step)}: `;
  const faults = one.faults.map(({ type, parameters }) =>
    code(parameters === '' ? type : `${type} ${parameters}`),
  );
  const lines = faults.length === 0 ? [] : [`${step}${faults.join(', ')} for ${code(one.duration)}`];
  if (one.outcome === 'unknown') lines.push(`${step}selects ${code(one.select)}, mode ${code(one.mode)}`);
  if (one.outcome !== 'hits') return lines;
  const hits = one.drawnFrom
    ? `${one.targets.length} drawn for each run from ${namesText(one.drawnFrom, code)}`
    : namesText(one.targets, code);
  const sharers =
    one.sharers.length === 0 ? '' : `, and in the same network namespace ${namesText(one.sharers, code)}`;
  const left = one.message === '' ? [] : [`${step}${code(one.message)}`];
  return [...lines, `${step}hits ${hits}${sharers}`, ...left];
}
