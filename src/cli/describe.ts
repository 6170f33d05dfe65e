import type { Command } from 'commander';
import { systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { type Kind, type ObjectId, objectId, parseObjectId } from '../core/kinds.ts';
import { statePaths } from '../daemon/paths.ts';
import type { Journal } from '../journal/journal.ts';
import type { StartedRow } from '../report/describe-objects.ts';
import type { EventRow } from '../report/rows.ts';
import { concerning } from '../server/owned.ts';
import { bundle, findExperiment, findObject } from '../server/views.ts';
import { stateDir } from './context.ts';
import type { Io } from './io.ts';
import { documentKind, parseObject } from './kinds.ts';
import { eventListing, experimentRow } from './listings.ts';
import { stateOption } from './options.ts';
import { readJournal, staleNote } from './reads.ts';
import { action, type Cli } from './verb.ts';

/** Newest runs and events that a description shows. */
const RUNS = 10;
const EVENTS = 30;
/** Times to come. */
const TIMES = 5;

export function addDescribe(program: Command, cli: Cli): void {
  program
    .command('describe')
    .description('tell everything about an experiment, schedule, scenario or policy (it needs no daemon)')
    .argument('<what...>', 'KIND NAME or KIND/NAME; a NAME alone is an experiment')
    .addOption(stateOption())
    .action(action(cli, describe));
}

async function describe(io: Io, what: string[], options: { state?: string }): Promise<undefined> {
  const id = idOf(what);
  const state = stateDir(options.state);
  const journal = await readJournal(statePaths(state).journal);
  if (!journal) {
    const { kind, name } = parseObjectId(id);
    throw new SquallError(
      'SQ502',
      `no ${kind.toLowerCase()} is called "${name}": there is no journal in ${state}`,
      { hint: 'Name the state directory of the daemon: --state DIR' },
    );
  }
  try {
    io.out(await description(io, journal, id));
    io.err((await staleNote(journal, statePaths(state).socket)) ?? '');
  } finally {
    journal.close();
  }
}

function description(io: Io, journal: Journal, id: ObjectId): Promise<string> {
  const { kind, name } = parseObjectId(id);
  const by: Record<Kind, (io: Io, journal: Journal, name: string) => Promise<string>> = {
    Experiment: describeExperiment,
    Schedule: describeSchedule,
    Scenario: describeScenario,
    Policy: describePolicy,
  };
  return by[kind](io, journal, name);
}

async function describeExperiment({ style }: Io, journal: Journal, name: string): Promise<string> {
  const { formatDescription } = await import('../report/describe.ts');
  const row = experimentRow(bundle(journal, findExperiment(journal, name)));
  const runs = journal.runs.list({ experiment: name, limit: RUNS });
  return formatDescription(row, runs, eventsOf(journal, objectId('Experiment', name)), style);
}

async function describeSchedule({ style }: Io, journal: Journal, name: string): Promise<string> {
  const { formatSchedule } = await import('../report/describe-objects.ts');
  const record = findObject(journal, 'Schedule', name);
  const now = systemClock.now();
  const next = record.phase === 'Active' ? await nextTimes(record.spec, now) : undefined;
  const id = objectId('Schedule', name);
  return formatSchedule({ record, now }, next, startedBy(journal, id), eventsOf(journal, id), style);
}

async function nextTimes(
  { cron, timeZone }: { cron: string; timeZone?: string },
  now: number,
): Promise<number[]> {
  const { parseCron } = await import('../schedule/slots.ts');
  const slots = parseCron(cron, timeZone);
  const times: number[] = [];
  for (let at = slots.next(now); at !== undefined && times.length < TIMES; at = slots.next(at))
    times.push(at);
  return times;
}

async function describeScenario({ style }: Io, journal: Journal, name: string): Promise<string> {
  const { formatScenario } = await import('../report/describe-objects.ts');
  const record = findObject(journal, 'Scenario', name);
  const row = { record, spawned: journal.spawned.get('Scenario', name), now: systemClock.now() };
  const id = objectId('Scenario', name);
  return formatScenario(row, startedBy(journal, id), eventsOf(journal, id), style);
}

async function describePolicy({ style }: Io, journal: Journal, name: string): Promise<string> {
  const { formatPolicy } = await import('../report/describe-objects.ts');
  const record = findObject(journal, 'Policy', name);
  const refused = journal.experiments
    .all()
    .filter(
      ({ phase, message }) => (phase === 'Denied' || phase === 'Pending') && namesPolicy(message, name),
    );
  const row = { record, now: systemClock.now() };
  return formatPolicy(row, refused, eventsOf(journal, objectId('Policy', name)), style);
}

/** Whether a message is about this Policy, and about none whose name only begins like it. */
function namesPolicy(message: string, name: string): boolean {
  const after = message.toLowerCase().split(`policy ${name}`).slice(1);
  return after.some((rest) => !/^[\w-]|^\.\w/.test(rest));
}

function eventsOf(journal: Journal, id: ObjectId): EventRow[] {
  return eventListing.load(journal, 0).filter(concerning(journal, id)).slice(-EVENTS);
}

/** Oldest first. */
function startedBy(journal: Journal, id: ObjectId): StartedRow[] {
  return journal.spawned.of(parseObjectId(id)).map(({ kind, name }): StartedRow => {
    const waiting = { name, phase: 'Pending', startedAt: null, endedAt: null, message: '' };
    if (kind === 'Scenario') return { ...waiting, kind: 'scenario', ...scenarioNow(journal, name) };
    return { ...waiting, kind: 'experiment', ...experimentNow(journal, name) };
  });
}

type Now = Partial<Pick<StartedRow, 'phase' | 'startedAt' | 'endedAt' | 'message'>>;

function experimentNow(journal: Journal, name: string): Now {
  const record = journal.experiments.get(name);
  if (!record) return {};
  const { phase, message, runId } = record;
  const run = runId === null ? undefined : journal.runs.get(runId);
  return { phase, message, startedAt: run?.startedAt ?? null, endedAt: run?.endedAt ?? null };
}

function scenarioNow(journal: Journal, name: string): Now {
  const record = journal.objects.get('Scenario', name);
  if (!record) return {};
  const { phase, message, state } = record;
  const run = (state as { run?: { startedAt: number; endedAt: number | null } | null } | null)?.run;
  return { phase, message, startedAt: run?.startedAt ?? null, endedAt: run?.endedAt ?? null };
}

function idOf(what: readonly string[]): ObjectId {
  const [first = '', name, ...more] = what;
  if (name === undefined) return parseObject(first, 'Experiment');
  const kind = more.length === 0 ? documentKind(first) : undefined;
  if (kind) return objectId(kind, name);
  throw new SquallError('SQ501', `"${what.join(' ')}" can't be described`, {
    hint: 'squall describe experiment NAME',
  });
}
