import { clean } from './clean.ts';
import {
  containersText,
  countsOf,
  type ExperimentPreview,
  hitCount,
  namesText,
  type ObjectChange,
  objectName,
  type PlanCheck,
  type Preview,
  shareText,
  timeText,
  valueText,
  verdictOf,
  whoText,
} from './plan-check.ts';
import { plural } from './problems.ts';
import type { Style } from './style.ts';

/** For people: what is added, changed and removed, each with what it would hit, then the Policies' limits, then a summary. */
export function formatCheck(check: PlanCheck, style: Style): string {
  const lines = [
    ...check.objects.flatMap((one) => objectLines(one, style)),
    ...affectedLines(check, style),
    ...limitLines(check, style),
  ];
  const head = `${baseText(check)}; ${containersText(check)}`;
  const body = lines.length === 0 ? '' : `${lines.join('\n')}\n\n`;
  const notes = check.notes.map((note) => `${clean(note)}\n`).join('');
  return `${head}\n${notes}\n${body}${countsOf(check)}: ${verdictOf(check)}\n`;
}

function baseText({ base: { given, commit } }: PlanCheck): string {
  if (given === null) return 'No base: everything is new';
  return `Base ${clean(given)}${commit === null ? '' : ` (${commit.slice(0, 12)})`}`;
}

const SIGNS = { added: '+', changed: '~', removed: '-' } as const;

function objectLines(one: ObjectChange, style: Style): string[] {
  const sign = { added: style.good, changed: style.busy, removed: style.bad }[one.change](SIGNS[one.change]);
  const { file, line } = one.source;
  const head = `${sign} ${style.bold(objectName(one))}  ${style.dim(`${clean(file)}:${line}`)}`;
  const fields = one.fields.map(
    ({ path, from, to }) => `${clean(path)}: ${clean(valueText(from))} -> ${clean(valueText(to))}`,
  );
  const started = one.startedBy.length > 0 ? [`started by ${one.startedBy.map(clean).join(', ')}`] : [];
  const active = one.active.map(
    ({ target, fault }) => `in the world now: ${clean(fault)} on ${clean(target)}`,
  );
  const told = [...fields, ...started, ...effectLines(one, style), ...active].map((text) => `    ${text}`);
  return [head, ...told];
}

function effectLines({ change, kind, before, after }: ObjectChange, style: Style): string[] {
  if (!after) return kind === 'Policy' ? ['its limits end'] : endLines(kind, before);
  const lines = previewLines(after, style);
  const was = change === 'changed' && before ? whoText(before, clean) : '';
  return was !== '' && was !== whoText(after, clean) ? [...lines, style.dim(`before: ${was}`)] : lines;
}

function endLines(kind: string, before: Preview | null): string[] {
  const was = before ? whoText(before, clean) : '';
  const ends = kind === 'Schedule' ? 'starts nothing any more; ' : '';
  return [`${ends}what runs of it ends and is recovered${was === '' ? '' : `: ${was}`}`];
}

function previewLines(preview: Preview, style: Style): string[] {
  const { suspended, schedule, steps, experiments, refuses } = preview;
  const lines: string[] = [];
  if (suspended) lines.push('suspended: by itself it does nothing; where it is started:');
  if (schedule) {
    lines.push(`starts ${clean(schedule.starts)}`);
    if (schedule.times.length === 0) lines.push('at no time in the coming years');
    for (const time of schedule.times)
      lines.push(
        `at ${timeText(time, clean(schedule.timeZone))}${outcomeNote(time.outcome, time.message, style)}`,
      );
  }
  for (const step of steps) {
    lines.push(`${step.path}: ${clean(step.title)}`);
    const experiment = experiments.find((one) => one.step === step.path);
    if (experiment) lines.push(...experimentLines(experiment, style).map((line) => `  ${line}`));
  }
  for (const experiment of experiments.filter(({ step }) => step === null))
    lines.push(...experimentLines(experiment, style));
  for (const { object, outcome, message } of refuses)
    lines.push(
      `${outcome === 'refused' ? style.bad('refuses') : 'lets wait'} ${clean(object)}: ${clean(message)}`,
    );
  return lines;
}

function outcomeNote(outcome: string, message: string, style: Style): string {
  if (outcome !== 'refused' && outcome !== 'waits') return '';
  return `: ${outcome === 'refused' ? style.bad(outcome) : outcome}${message === '' ? '' : `, ${clean(message)}`}`;
}

function experimentLines(one: ExperimentPreview, style: Style): string[] {
  const about = one.duration === '' ? [] : [`${faultsText(one)}, for ${clean(one.duration)}`];
  const code = one.code === null ? '' : `${one.code} `;
  switch (one.outcome) {
    case 'hits':
      return [...about, ...hitLines(one, style)];
    case 'refused':
      return [...about, `${style.bad('refused')}: ${code}${clean(one.message)}`];
    case 'waits':
      return [...about, `waits: ${code}${clean(one.message)}`];
    default:
      return [
        ...about,
        `selects ${clean(one.select)} (mode ${clean(one.mode)}); who that is, is not known here`,
      ];
  }
}

function faultsText({ faults }: ExperimentPreview): string {
  return faults
    .map(({ type, parameters }) => `${clean(type)}${parameters === '' ? '' : ` (${parameters})`}`)
    .join(', ');
}

function hitLines(one: ExperimentPreview, style: Style): string[] {
  const shares = one.services.map((share) => shareText(share, clean)).join(', ');
  const lines = [`hits ${plural(hitCount(one), 'container')}: ${shares}`];
  if (one.drawnFrom)
    lines.push(`${one.targets.length} drawn for each run from ${namesText(one.drawnFrom, clean)}`);
  else lines.push(namesText(one.targets, clean));
  if (one.sharers.length > 0)
    lines.push(`and ${namesText(one.sharers, clean)}, in the same network namespace`);
  if (one.message !== '') lines.push(style.dim(clean(one.message)));
  return lines;
}

function affectedLines({ affected }: PlanCheck, style: Style): string[] {
  return affected.map((one) => {
    const { file, line } = one.source;
    const place = style.dim(`${clean(file)}:${line}`);
    const message = one.message === '' ? '' : `, ${clean(one.message)}`;
    return `  ${style.bold(objectName(one))}  ${place}\n    unchanged, but: ${one.before} -> ${one.after}${message}`;
  });
}

function limitLines({ limits }: PlanCheck, style: Style): string[] {
  if (limits.length === 0) return [];
  const line = ({ limit, from, to, direction }: PlanCheck['limits'][number]) => {
    const shown = direction === 'tighter' ? direction : style.bad(direction);
    return `    ${limit}: ${clean(from)} -> ${clean(to)} (${shown})`;
  };
  return ['All Policies together:', ...limits.map(line)];
}
