import type { Json } from '../core/canonical.ts';
import type { Deadline } from '../core/clock.ts';
import type { Effect } from '../core/types.ts';
import { type Prepare, type Row, toEffect } from './rows.ts';

/** What is about to be done to one target; becomes durable before it is done. */
export interface Intent {
  runId: string;
  experiment: string;
  instance: string;
  target: { id: string; name: string };
  incarnation: string;
  slot: number;
  fault: Effect['fault'];
  resolved: Json;
  undo: Json;
  deadline: Deadline;
  at: number;
}

export interface Claim {
  /** Who claims: `daemon`, `sentinel`, `halt`, with its pid. */
  claimant: string;
  /** Wall ms. */
  now: number;
  /** Boot ms: leases are counted by it. */
  boot: number;
}

/** ms after which another may take over a recovery whose claimant has gone quiet. */
export const CLAIM_LEASE = 1000;

export interface EffectStore {
  get(id: number): Effect | undefined;
  ofRun(runId: string): Effect[];
  /** All that is not recovered, over all runs. */
  live(): Effect[];
  /** Writes the intent: a new row, or the same effect again (restart, edit, next strike). The epoch rises. */
  intend(intent: Intent): Effect;
  /** CAS: true where `effect` is still at its epoch and in flight, so that the injection stands. */
  injected(effect: Effect, now: number): boolean;
  /** CAS: the effect at a new epoch, claimed for recovery; undefined where another got there first or the row moved on. */
  claim(effect: Effect, claim: Claim): Effect | undefined;
  /** CAS: the claimed recovery is over. */
  recovered(effect: Effect, now: number): boolean;
  /** CAS: it could not be undone (in time). */
  failed(effect: Effect, error: string): boolean;
  /** A recovery that an injection overtook is owed again: the effect at a new epoch, claimed by nobody; undefined where none was. */
  reopen(id: number): Effect | undefined;
  /** The run's deadline moved: epochs rise, so that no claim made on the old one holds. `effect.deadline` stays what the world carries. */
  touch(runId: string): void;
}

const INTEND = `INSERT INTO effects (run_id, experiment, instance, target_id, target_name, incarnation, slot, fault, resolved, undo, phase,
    epoch, deadline_wall, deadline_boot, boot_id, intended_at, strikes)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'intended', 1, ?, ?, ?, ?, 1)
  ON CONFLICT (run_id, target_id, slot) DO UPDATE SET incarnation = excluded.incarnation, fault = excluded.fault,
    resolved = excluded.resolved, undo = excluded.undo, phase = 'intended', epoch = epoch + 1, strikes = strikes + 1,
    deadline_wall = excluded.deadline_wall, deadline_boot = excluded.deadline_boot, boot_id = excluded.boot_id,
    intended_at = excluded.intended_at, recovering_at = NULL, recovering_boot = NULL, recovered_at = NULL, error = NULL, claimant = NULL
  RETURNING *`;

/** A boot time that is still to come is of an earlier boot: recoveryTimeout counts anew. */
const CLAIM = `UPDATE effects SET phase = 'recovering', epoch = epoch + 1, claimant = ?, claimed_boot = ?,
    recovering_at = coalesce(recovering_at, ?), recovering_boot = min(coalesce(recovering_boot, ?), ?)
  WHERE id = ? AND epoch = ? AND phase <> 'recovered'
    AND (phase <> 'recovering' OR claimant = ? OR claimed_boot IS NULL OR abs(? - claimed_boot) > ${CLAIM_LEASE})
  RETURNING *`;

const REOPEN = `UPDATE effects SET phase = 'recovering', epoch = epoch + 1, claimant = NULL, claimed_boot = NULL, recovering_at = NULL,
    recovering_boot = NULL, recovered_at = NULL
  WHERE id = ? AND phase IN ('recovering', 'recovered', 'failed')
  RETURNING *`;

export function effectStore(prepare: Prepare): EffectStore {
  const one = (row: unknown): Effect | undefined => (row ? toEffect(row as Row) : undefined);
  const changed = (result: { changes: number | bigint }) => Number(result.changes) === 1;
  return {
    get: (id) => one(prepare('SELECT * FROM effects WHERE id = ?').get(id)),
    ofRun: (runId) =>
      (prepare('SELECT * FROM effects WHERE run_id = ? ORDER BY id').all(runId) as Row[]).map(toEffect),
    live: () =>
      (prepare("SELECT * FROM effects WHERE phase <> 'recovered' ORDER BY id").all() as Row[]).map(toEffect),
    intend: (i) => {
      const { id, name } = i.target;
      const { wall, boot, bootId } = i.deadline;
      const [fault, resolved, undo] = [i.fault, i.resolved, i.undo].map((value) => JSON.stringify(value)) as [
        string,
        string,
        string,
      ];
      return toEffect(
        prepare(INTEND).get(
          ...[
            i.runId,
            i.experiment,
            i.instance,
            id,
            name,
            i.incarnation,
            i.slot,
            fault,
            resolved,
            undo,
            wall,
            boot,
            bootId,
            i.at,
          ],
        ) as Row,
      );
    },
    injected: (effect, now) =>
      changed(
        prepare(
          "UPDATE effects SET phase = 'injected', injected_at = ? WHERE id = ? AND epoch = ? AND phase IN ('intended', 'injected')",
        ).run(now, effect.id, effect.epoch),
      ),
    claim: (effect, { claimant, now, boot }) =>
      one(prepare(CLAIM).get(claimant, boot, now, boot, boot, effect.id, effect.epoch, claimant, boot)),
    recovered: (effect, now) =>
      changed(
        prepare(
          "UPDATE effects SET phase = 'recovered', recovered_at = ?, error = NULL WHERE id = ? AND epoch = ? AND phase <> 'recovered'",
        ).run(now, effect.id, effect.epoch),
      ),
    failed: (effect, error) =>
      changed(
        prepare(
          "UPDATE effects SET phase = 'failed', error = ? WHERE id = ? AND epoch = ? AND phase <> 'recovered'",
        ).run(error, effect.id, effect.epoch),
      ),
    reopen: (id) => one(prepare(REOPEN).get(id)),
    touch: (runId) => {
      prepare("UPDATE effects SET epoch = epoch + 1 WHERE run_id = ? AND phase <> 'recovered'").run(runId);
    },
  };
}
