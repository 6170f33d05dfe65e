import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { STEPS, type Step } from '../../src/reconcile/steps.ts';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { marksOnHost, snapshot } from '../lab/snapshot.ts';

/** Steps that a run reaches while it is put in; the rest are reached when it is taken out. */
const INJECT_STEPS = STEPS.slice(0, STEPS.indexOf('before-recover'));

interface Case {
  type: string;
  fault: (peer: LabContainer) => object;
  /** Restart policy of the target. */
  restart?: string;
}

const CASES: Case[] = [
  {
    type: 'network-block',
    fault: (peer) => ({ type: 'network-block', direction: 'both', to: [{ container: peer.name }] }),
  },
  {
    type: 'network-loss',
    fault: (peer) => ({ type: 'network-loss', percent: 50, to: [{ container: peer.name }] }),
  },
  {
    type: 'network-bandwidth',
    fault: (peer) => ({
      type: 'network-bandwidth',
      direction: 'both',
      rate: '1mbit',
      to: [{ container: peer.name }],
    }),
  },
  { type: 'container-pause', fault: () => ({ type: 'container-pause' }) },
  { type: 'container-stop', fault: () => ({ type: 'container-stop', grace: '1s' }) },
  { type: 'container-kill', fault: () => ({ type: 'container-kill' }), restart: 'always' },
  { type: 'container-kill', fault: () => ({ type: 'container-kill', via: 'engine' }) },
  { type: 'container-restart', fault: () => ({ type: 'container-restart', grace: '1s' }) },
];

describe('a daemon that dies by SIGKILL', { concurrency: 4 }, () => {
  let lab: Lab;
  let network: string;
  let peer: LabContainer;
  let peerWas: string;
  before(async () => {
    lab = await openLab('crash');
    network = await lab.network({ ipv6: true });
    peer = await lab.run({ network });
    peerWas = await snapshot(peer);
  });
  after(() => lab.close());

  for (const { type, fault, restart } of CASES) {
    for (const step of STEPS) {
      test(`${type}${restart ? ' (restart: always)' : ''} at ${step}: the next start leaves everything as it was`, async () => {
        const target = await lab.run({ network, ...(restart && { restart }) });
        const site = openSite('crash');
        try {
          const was = await snapshot(target);
          await crashAt(site, step, experiment('e', target, [fault(peer)]));
          const daemon = await site.start({ sentinel: false });
          await settled(site);
          const asItWas = async () => (await snapshot(target)) === was && was;
          assert.equal(await until('the target to be as it was', asItWas, 15_000), was);
          assert.equal(await snapshot(peer), peerWas);
          assert.deepEqual(await marksOnHost(), []);
          assert.equal(
            site.read((journal) => journal.effects.live().length),
            0,
            daemon.log(),
          );
        } finally {
          await site.close();
          await target.remove();
        }
      });
    }
  }
});

/** Runs the experiment in a daemon that kills itself at `step`, and waits until it is dead. */
async function crashAt(site: Site, step: Step, manifest: object): Promise<void> {
  site.write('e.yaml', manifest);
  const daemon = await site.start({ crashAt: step, sentinel: false, wait: false });
  if (!INJECT_STEPS.includes(step)) {
    await until('the run to start', () => site.run('e'), 15_000);
    await until(
      'the fault to be in',
      () => site.effects('e').some(({ phase }) => phase !== 'intended') && true,
      15_000,
    );
    site.remove('e.yaml');
  }
  assert.equal(await daemon.ended, 'SIGKILL', daemon.log());
  site.remove('e.yaml');
}

/** The manifest is gone: the object must go, and all of its runs must have ended. */
async function settled(site: Site): Promise<void> {
  await until('the object to be forgotten', () => site.experiment('e') === undefined && true, 20_000);
  for (const run of site.read((journal) => journal.runs.list())) assert.notEqual(run.endedAt, null);
}
