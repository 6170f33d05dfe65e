import type { Run, SquallEvent } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';
import { type Notice, noticeOf } from './notice.ts';

/** Gives what people are to be told of an event. Asked with each event once, in order; never throws. */
export type Teller = (event: SquallEvent) => Notice | undefined;

/** Entries of each memory at most; the oldest goes. */
const MOST_REMEMBERED = 1000;

/**
 * Knows what `noticeOf` can't know of one event alone: what has been told already, why a run ended, what it was about, and that a run
 * which could not be recovered is recovered after all. What it remembers begins anew with the process: at worst something is told twice.
 */
export function createTeller(journal: Pick<Journal, 'runs' | 'effects'>): Teller {
  const isRepeat = createRepeats();
  /** The last word on each run as a whole; before its end that is why it ends. */
  const words = new Map<string, SquallEvent>();
  /** Runs of which something could not be recovered. */
  const stuck = new Map<string, true>();
  for (const { phase, runId } of attempt(() => journal.effects.live()) ?? [])
    if (phase === 'failed') remember(stuck, runId, true);

  function allClear(event: SquallEvent, id: string): Notice | undefined {
    if (event.reason === 'RecoverFailed') remember(stuck, id, true);
    if (event.reason !== 'Recovered' || !stuck.has(id)) return undefined;
    if (words.has(id) && words.get(id)?.reason !== 'Failed') return undefined; // its end comes first
    const { phase } = attempt(() => journal.runs.get(id)) ?? {};
    const effects = attempt(() => journal.effects.ofRun(id)) ?? [];
    if (phase !== 'Failed' || effects.some((effect) => effect.phase !== 'recovered')) return undefined;
    stuck.delete(id);
    const { time, reason, experiment } = event;
    const message = 'all is recovered after all';
    return { id: event.id, time, kind: 'recovered', reason, experiment, run: id, message };
  }

  return (event) => {
    const { run: id, target, object } = event;
    // a scenario's runs are none of the journal's, and may be called as an experiment's
    if (id === null || object !== null) return isRepeat(event) ? undefined : noticeOf(event);
    const cleared = allClear(event, id);
    const why = words.get(id);
    if (target === null) remember(words, id, event);
    const notice = isRepeat(event) ? undefined : (noticeOf(event) ?? cleared);
    const run = notice && attempt(() => journal.runs.get(id));
    return notice && run ? { ...notice, message: explain(notice, run, why), ...about(notice, run) } : notice;
  };
}

/** What the run's end said of itself is `ended: REASON`; the event before it has that reason's own words. */
function explain({ kind, reason, message }: Notice, run: Run, why: SquallEvent | undefined): string {
  const ended = reason === run.phase && why?.reason === run.reason;
  if (!ended) return message;
  return kind === 'failed' ? why.message : `${why.message}; all is recovered`;
}

function about(notice: Notice, { targets, provenance }: Run): Pick<Notice, 'targets' | 'commit' | 'dirty'> {
  return {
    targets: notice.targets ?? targets.map(({ name }) => name),
    ...(provenance && { commit: provenance.commit }),
    ...(provenance?.dirty && { dirty: true }),
  };
}

/** True for what was told already: a recovery that fails at each resync, and a halt that the next pass reports once more. */
function createRepeats(): (event: SquallEvent) => boolean {
  const failed = new Map<string, true>();
  const halted = new Map<string, true>();
  const seen = (memory: Map<string, true>, key: string): boolean => {
    const known = memory.has(key);
    remember(memory, key, true);
    return known;
  };
  return ({ reason, experiment, object, run, target }) => {
    const held = experiment ?? object ?? '';
    if (reason === 'RecoverFailed') return seen(failed, `${run}/${target}`);
    if (reason === 'Recovered') failed.delete(`${run}/${target}`);
    if (reason === 'Halted' && run === null) return seen(halted, held);
    if (reason === 'Resumed' && held === '') halted.clear();
    if (reason === 'Resumed' || reason === 'Started') halted.delete(held);
    return false;
  };
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key);
  memory.set(key, value);
  const [oldest] = memory.keys();
  if (memory.size > MOST_REMEMBERED && oldest !== undefined) memory.delete(oldest);
}

/** A journal that can't be read just now takes the details away, not the notice. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
