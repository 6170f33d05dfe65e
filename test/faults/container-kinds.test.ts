import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FaultSpec } from '../../src/core/types.ts';
import { containerKill } from '../../src/faults/container-kill.ts';
import { containerPause } from '../../src/faults/container-pause.ts';
import { containerRestart } from '../../src/faults/container-restart.ts';
import { containerStop } from '../../src/faults/container-stop.ts';
import type { World } from '../../src/faults/fault.ts';
import { parseManifests } from '../../src/manifests/parse.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { aContainer } from './container-support.ts';

const KINDS = [containerKill, containerPause, containerRestart, containerStop];
const validator = createValidator(KINDS);
const world: World = { containers: [], hosts: new Map(), host: WHOLE_HOST };
const resolve = (fault: FaultSpec, change = {}) =>
  KINDS.find(({ type }) => type === fault.type)?.resolve(fault, aContainer(change), world);

/** What the schema says of a fault: messages with their hints. */
function said(fault: FaultSpec): string[] {
  const spec = { duration: '10s', targets: { select: { names: ['a'] }, mode: 'all' }, faults: [fault] };
  const text = JSON.stringify({ apiVersion: 'squall/v1', kind: 'Experiment', metadata: { name: 'x' }, spec });
  const { documents } = parseManifests('x.json', text);
  return documents.flatMap((document) =>
    validator
      .validate(document)
      .problems.map(({ message, hint }) => [message, hint].filter(Boolean).join('. ')),
  );
}

describe('the container faults', () => {
  it('have examples that are valid', () => {
    for (const { example } of KINDS) assert.deepEqual(said(example), [], example.type);
  });

  it('collide with each other on one target', () => {
    const uses = (kind: (typeof KINDS)[number]) => kind.uses(kind.example);
    assert.deepEqual(
      KINDS.map(uses),
      KINDS.map(() => ['lifecycle']),
    );
  });

  it('refuse what is removed when it ends, where they end it', () => {
    for (const type of ['container-kill', 'container-stop', 'container-restart']) {
      assert.throws(() => resolve({ type }, { autoRemove: true }), { code: 'SQ208', hint: /--rm/ }, type);
    }
    assert.doesNotThrow(() => resolve({ type: 'container-pause' }, { autoRemove: true }));
  });
});

describe('grace', () => {
  it('is rounded up to whole seconds, and 10 s by default as with Docker', () => {
    for (const type of ['container-stop', 'container-restart']) {
      const graces = [undefined, '0s', '1ms', '1s', '1500ms', '1m'];
      const seconds = graces.map((grace) => resolve({ type, ...(grace ? { grace } : {}) }));
      assert.deepEqual(
        seconds,
        [10, 0, 1, 1, 2, 60].map((graceSeconds) => ({ graceSeconds })),
        type,
      );
    }
  });

  it('is a duration', () => {
    assert.match(said({ type: 'container-stop', grace: '5' }).join(), /expected a duration.*Add a unit: 5s/);
    assert.match(said({ type: 'container-stop', grace: -1 }).join(), /expected a duration/);
    assert.deepEqual(said({ type: 'container-stop', grace: '0s' }), []);
  });
});

describe('container-kill', () => {
  const kill = (parameters: object = {}): FaultSpec => ({ type: 'container-kill', ...parameters });

  it('sends SIGKILL from the host unless told otherwise', () => {
    assert.deepEqual(resolve(kill()), { signal: 9, via: 'process' });
    assert.deepEqual(resolve(kill({ signal: 'HUP', via: 'engine' })), { signal: 1, via: 'engine' });
  });

  it('takes signals by name and number', () => {
    for (const signal of ['SIGTERM', 'USR1', 9, 64])
      assert.deepEqual(said(kill({ signal })), [], `${signal}`);
    assert.match(said(kill({ signal: 'SIGKIL' })).join(), /Did you mean "SIGKILL"/);
    assert.match(said(kill({ signal: 'term' })).join(), /Did you mean "SIGTERM"/);
    assert.match(said(kill({ signal: '9' })).join(), /without quotes: 9/);
    assert.match(said(kill({ signal: 65 })).join(), /expected a signal/);
  });

  it('sends no signal that stops a process', () => {
    assert.match(said(kill({ signal: 'SIGSTOP' })).join(), /container-pause/);
    assert.match(containerKill.problems?.(kill({ signal: 19 })).join() ?? '', /container-pause/);
    assert.throws(() => resolve(kill({ signal: 19 })), { code: 'SQ208' });
  });

  it('strikes once, or every second at the most', () => {
    assert.equal(containerKill.interval?.(kill()), undefined);
    assert.equal(containerKill.interval?.(kill({ every: '1m30s' })), 90_000);
    assert.match(said(kill({ every: '500ms' })).join(), /1s at least/);
    assert.throws(() => resolve(kill({ every: '999ms' })), { code: 'SQ208' });
    assert.deepEqual(containerKill.problems?.(kill({ every: '1s' })), []);
  });
});
