import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Effect } from '../../src/core/types.ts';
import type { Claim, Intent } from '../../src/journal/effects.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { BOOT, container, deadline, NOW, PAUSE, run } from '../plan/build.ts';

/** A directory of the test file's own, removed at its end. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'squall-journal-'));
  after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const web = container('web-0');

export function intent(change: Partial<Intent> = {}): Intent {
  return {
    runId: 'exp-1',
    experiment: 'exp',
    instance: '0badcafe',
    target: { id: web.id, name: web.name },
    incarnation: web.startedAt,
    slot: 0,
    fault: PAUSE,
    resolved: { v4: ['10.0.0.1'] },
    undo: { wasPaused: false },
    deadline: deadline(60_000),
    at: NOW,
    ...change,
  };
}

export function claim(claimant: string, change: Partial<Claim> = {}): Claim {
  return { claimant, now: NOW + 5, boot: BOOT + 5, ...change };
}

/** An effect that stands, of a run that the journal knows. */
export function standing(journal: Journal, change: Partial<Intent> = {}): Effect {
  const { runId = 'exp-1' } = change;
  if (!journal.runs.get(runId)) journal.runs.put(run([PAUSE], [web], { id: runId }));
  const effect = journal.effects.intend(intent(change));
  journal.effects.injected(effect, NOW + 1);
  return journal.effects.get(effect.id) as Effect;
}
