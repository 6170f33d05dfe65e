import type { Condition, ConditionType, Effect, ExperimentRecord, Phase } from '../core/types.ts';
import type { Refusal } from './actions.ts';
import type { PlanInput } from './input.ts';

export interface Status {
  phase: Phase;
  reason: string;
  message: string;
  /** Why nothing starts, where something was to. */
  refusal?: Refusal;
  /** Why a run that was permitted is not any more: it ends. */
  stop?: Refusal;
}

/** What a status hangs on. */
export type StatusFacts = Pick<PlanInput, 'manifest' | 'effects' | 'clock' | 'halted'>;

/**
 * The object that the manifest stands for now: new, edited (the generation rises with the spec's hash) or as it was. A stale or
 * conflicting manifest changes nothing that was accepted before. Undefined where there is neither manifest nor object.
 */
export function accept({
  manifest,
  record,
  run,
  clock,
  fresh,
  name,
}: PlanInput): ExperimentRecord | undefined {
  if (!manifest) return record;
  const { specHash, spec, labels, source, owner = null, copyOf = null } = manifest;
  const now = clock.now();
  if (!record) {
    return {
      hold: null,
      phase: 'Pending',
      reason: '',
      message: '',
      conditions: [],
      runId: null,
      runRequested: null,
      name,
      uid: fresh.uid,
      generation: 1,
      specHash,
      spec,
      labels,
      source,
      owner,
      copyOf,
      createdAt: now,
      updatedAt: now,
    };
  }
  const deleting = run?.endedAt === null && run.reason === 'Deleted';
  if (manifest.stale || manifest.conflict || deleting) return record;
  const generation = record.generation + (specHash === record.specHash ? 0 : 1);
  return { ...record, generation, specHash, spec, labels, source, owner, copyOf };
}

/** The object with its phase and conditions; `updatedAt` moves only where something a person can see changed. */
export function withStatus(input: StatusFacts, record: ExperimentRecord, status: Status): ExperimentRecord {
  const conditions = conditionsOf(input, record, status);
  const { phase, reason, message } = status;
  return { ...record, phase, reason, message, conditions };
}

type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

function conditionsOf(input: StatusFacts, record: ExperimentRecord, status: Status): Condition[] {
  const verdicts = [
    valid(input),
    selected(status),
    permitted(input, record, status),
    injected(input, status),
    recovered(input),
  ];
  return verdicts
    .filter((verdict) => verdict !== undefined)
    .map((verdict) => {
      const before = record.conditions.find(({ type }) => type === verdict.type);
      const time = before && before.status === verdict.status ? before.time : input.clock.now();
      return { ...verdict, time, observedGeneration: record.generation };
    });
}

function verdict(type: ConditionType, holds: boolean, reason: string, message = ''): Verdict {
  return { type, status: holds ? 'True' : 'False', reason, message };
}

function valid({ manifest }: StatusFacts): Verdict {
  if (manifest?.conflict) return verdict('Valid', false, 'NameTaken', manifest.conflict);
  if (manifest?.stale) return verdict('Valid', false, 'Stale', manifest.stale);
  return verdict('Valid', true, 'Accepted');
}

const WAITING = new Set(['NoMatch', 'NotRunning', 'TooFew', 'NotOptedIn', 'Protected', 'NetworkNotAllowed']);

function selected({ phase, refusal, message }: Status): Verdict | undefined {
  if (refusal && WAITING.has(refusal.reason))
    return verdict('Selected', false, refusal.reason, refusal.message);
  if (phase === 'Invalid' || phase === 'Halted' || phase === 'Suspended') return undefined;
  return verdict('Selected', true, 'Matched', phase === 'Running' ? message : '');
}

function permitted(
  { halted }: StatusFacts,
  record: ExperimentRecord,
  { phase, refusal, stop, reason, message }: Status,
): Verdict | undefined {
  if (stop) return verdict('Permitted', false, stop.reason, stop.message);
  if (refusal)
    return phase === 'Denied' ? verdict('Permitted', false, refusal.reason, refusal.message) : undefined;
  if (halted || phase === 'Halted')
    return verdict('Permitted', !halted && reason !== 'Halted', reason, message);
  if (phase === 'Invalid' || phase === 'Suspended') return undefined;
  const ending = phase === 'Recovering' || phase === 'Aborted';
  return (ending && stopped(record, reason)) || verdict('Permitted', true, 'Permitted');
}

/** The word that ended a run for this reason, while no other has been said since. */
export function stopped({ conditions }: ExperimentRecord, reason: string): Verdict | undefined {
  const said = conditions.find(({ type }) => type === 'Permitted');
  if (said?.status !== 'False' || said.reason !== reason) return undefined;
  return verdict('Permitted', false, reason, said.message);
}

function injected({ effects }: StatusFacts, { phase }: Status): Verdict | undefined {
  if (effects.length === 0) return phase === 'Running' ? verdict('Injected', false, 'Injecting') : undefined;
  const standing = effects.filter((effect) => effect.phase === 'injected').length;
  const holds =
    phase === 'Running' &&
    effects.every((effect) => effect.phase === 'injected' || effect.phase === 'recovered');
  return verdict('Injected', holds, holds ? 'Injected' : 'NotInjected', `${standing} of ${effects.length}`);
}

function recovered({ effects }: StatusFacts): Verdict | undefined {
  if (effects.length === 0) return undefined;
  const open = (effect: Effect) => effect.phase !== 'recovered';
  const failed = effects.filter(({ phase }) => phase === 'failed');
  if (failed.length > 0)
    return verdict('Recovered', false, 'NotRecovered', failed.map(({ error }) => error).join('; '));
  const left = effects.filter(open).length;
  return verdict(
    'Recovered',
    left === 0,
    left === 0 ? 'Recovered' : 'Active',
    `${effects.length - left} of ${effects.length}`,
  );
}
