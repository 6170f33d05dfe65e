import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import type { Container } from '../../src/core/types.ts';
import type { ExecOutcome, ExecRequest } from '../../src/runtime/docker-exec.ts';
import { container, probe, wrong } from './support.ts';

const web = (name: string, words: Partial<Container> = {}) =>
  container(name, { service: 'web', project: 'shop', ...words });

/** A try in a world where every program comes to this; what was asked for is noted. */
async function run(
  spec: Record<string, unknown>,
  outcome: Partial<ExecOutcome> | Error = {},
  containers: Container[] = [container('box')],
) {
  const asked: { id: string; request: ExecRequest }[] = [];
  const { up, message } = await probe(
    { type: 'exec', container: 'box', command: ['true'], ...spec },
    {
      containers: () => containers,
      exec: async (id, request) => {
        asked.push({ id, request });
        if (outcome instanceof Error) throw outcome;
        return { code: 0, output: '', ...outcome };
      },
    },
  );
  return { seen: [up, message], asked };
}

describe('an exec probe', () => {
  it('goes by the exit code', async () => {
    assert.deepEqual((await run({})).seen, [true, 'exit code 0']);
    const failed = await run({}, { code: 1, output: 'no route\r\n\u001b[0mto host' });
    assert.deepEqual(failed.seen, [false, 'exit code 1, expected 0: "no route [0mto host"']);
    assert.deepEqual((await run({ expect: { exitCode: 3 } }, { code: 3 })).seen[0], true);
    assert.deepEqual((await run({ expect: { exitCode: 3 } }, { code: 0 })).seen[0], false);
  });

  it('goes by the output too, where one is expected', async () => {
    const expect = { output: '/^PONG$/' };
    assert.equal((await run({ expect }, { output: 'PONG' })).seen[0], true);
    const other = await run({ expect }, { output: 'NOAUTH' });
    assert.deepEqual(other.seen, [false, 'the output does not match /^PONG$/: "NOAUTH"']);
    assert.equal((await run({ expect }, { code: 1, output: 'PONG' })).seen[0], false);
  });

  it('runs in the named container, or in the first by name of a service that runs', async () => {
    const { asked } = await run({ command: ['id', '-u'], user: 'app', workdir: '/srv' });
    assert.deepEqual(asked, [
      { id: container('box').id, request: { command: ['id', '-u'], user: 'app', workdir: '/srv' } },
    ]);
    const all = [web('web-3'), web('web-2'), web('web-1', { state: 'exited' })];
    const first = await run({ container: undefined, service: 'web' }, {}, all);
    assert.equal(first.asked[0]?.id, web('web-2').id);
  });

  it('is down where nothing runs that it could run in, and asks nothing', async () => {
    const paused = await run({}, {}, [container('box', { state: 'paused' })]);
    assert.deepEqual([...paused.seen, paused.asked.length], [false, 'box is paused, not running', 0]);
    assert.deepEqual((await run({}, {}, [])).seen, [false, 'there is no container box']);
    const { seen } = await run({ container: undefined, service: 'web' }, {}, [web('w', { state: 'exited' })]);
    assert.deepEqual(seen, [false, 'no container of service web is running']);
  });

  it('runs nothing in a container that has not agreed to it', async () => {
    const within = (labels: Record<string, string>) => run({}, {}, [container('box', { labels })]);
    for (const labels of [{ 'squall.exec': 'false' }, { 'squall.exec': 'true', 'squall.self': 'daemon' }]) {
      const { seen, asked } = await within(labels);
      const why = 'box lets no probe run programs in it: re-create it with the label squall.exec=true';
      assert.deepEqual([seen, asked], [[false, why], []]);
    }
    for (const labels of [{ 'squall.exec': 'true' }, { 'squall.exec': '', 'squall.enabled': 'true' }])
      assert.equal((await within(labels)).seen[0], true);
  });

  it('is down where the engine refuses or does not answer, and says so', async () => {
    const refused = new SquallError('SQ401', 'exec in 0123: the engine refused', { hint: 'Do this' });
    assert.deepEqual((await run({}, refused)).seen, [
      false,
      'SQ401: exec in 0123: the engine refused. Do this',
    ]);
  });
});

describe('the manifest of an exec probe', () => {
  const base = { type: 'exec', container: 'box', command: ['true'] };
  const refused: [string, Record<string, unknown>][] = [
    ['a command in one text', { command: 'redis-cli PING' }],
    ['no command', { command: [] }],
    ['a command without a name', { command: [''] }],
    ['a service beside the container', { service: 'web' }],
    ['a relative directory', { workdir: 'srv' }],
    ['an exit code that does not exist', { expect: { exitCode: 256 } }],
  ];
  for (const [what, more] of refused) {
    it(`is refused for ${what}`, () => assert.ok(wrong({ ...base, ...more }).length > 0));
  }
});
