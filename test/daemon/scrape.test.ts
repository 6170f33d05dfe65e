import assert from 'node:assert/strict';
import { it } from 'node:test';
import { scrape } from '../../src/daemon/scrape.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { standing } from '../journal/build.ts';

it('the faults that are active are those of the journal, whoever put them in and whoever took them out', async () => {
  const journal = openJournal(IN_MEMORY);
  const metrics = createMetrics('0', journal.instance);
  const effect = standing(journal); // by the daemon before this one
  const halt = { read: () => false, set: () => {} };
  const active = async () =>
    (await scrape({ journal, metrics, halt })).match(/^squall_fault_active\{.*$/gm) ?? [];
  const labels = `experiment="${effect.experiment}",type="${effect.fault.type}",target="${effect.target.name}"`;
  assert.deepEqual(await active(), [`squall_fault_active{${labels}} 1`]);
  const claimed = journal.effects.claim(effect, { claimant: 'sentinel:2', now: 0, boot: 0 });
  assert.ok(claimed && journal.effects.recovered(claimed, 0));
  assert.deepEqual(await active(), []);
});
