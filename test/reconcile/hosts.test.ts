import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import { hostKey } from '../../src/faults/fault.ts';
import { createHostCache } from '../../src/reconcile/hosts.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { container } from '../plan/build.ts';

const web = container('web-0');
const other = container('web-1');

/** A cache over a resolver that answers as the test says; a name without an answer fails. */
function scripted(answers: Record<string, string[]>) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const cache = createHostCache(clock, createLog('silent'), async ({ name }, host) => {
    asked.push(`${name} ${host}`);
    const found = answers[host];
    if (!found) throw new Error('SERVFAIL');
    return [...found];
  });
  const answer = (host: string, target = web) => cache.answers().get(hostKey(target.id, host));
  return { clock, cache, answer, answers, told: () => asked.splice(0) };
}

describe('answers of a target’s own resolver', () => {
  it('are kept for each target, sorted, so that the same addresses are the same answer', async () => {
    const { cache, answer, told } = scripted({ db: ['10.0.0.2', '10.0.0.1'] });
    await cache.resolve([
      { container: web, host: 'db' },
      { container: other, host: 'db' },
    ]);
    assert.deepEqual(answer('db'), ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(answer('db', other), ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(told().sort(), ['web-0 db', 'web-1 db']);
  });

  it('that fail are none, and are asked for anew after 5 s', async () => {
    const { clock, cache, answer } = scripted({});
    await cache.resolve([{ container: web, host: 'db' }]);
    assert.deepEqual(answer('db'), []);
    clock.advance(4999);
    assert.deepEqual(answer('db'), []);
    clock.advance(1);
    assert.equal(answer('db'), undefined);
  });

  it('that came after a failure are not forgotten with it', async () => {
    const { clock, cache, answer, answers } = scripted({});
    await cache.resolve([{ container: web, host: 'db' }]);
    answers.db = ['10.0.0.1'];
    await cache.resolve([{ container: web, host: 'db' }]);
    clock.advance(60_000);
    assert.deepEqual(answer('db'), ['10.0.0.1']);
  });
});

describe('a refresh', () => {
  it('asks for every name of that target, and tells whether anything changed', async () => {
    const { cache, answer, answers, told } = scripted({ db: ['10.0.0.1'], api: ['10.0.0.9'] });
    await cache.resolve([
      { container: web, host: 'db' },
      { container: web, host: 'api' },
      { container: other, host: 'db' },
    ]);
    told();
    assert.equal(await cache.refresh(web), false);
    assert.deepEqual(told().sort(), ['web-0 api', 'web-0 db']);
    answers.db = ['10.0.0.7'];
    assert.equal(await cache.refresh(web), true);
    assert.deepEqual([answer('db'), answer('db', other)], [['10.0.0.7'], ['10.0.0.1']]);
  });

  it('keeps the last answer of a name that fails now', async () => {
    const { cache, answer, answers } = scripted({ db: ['10.0.0.1'] });
    await cache.resolve([{ container: web, host: 'db' }]);
    delete answers.db;
    assert.equal(await cache.refresh(web), false);
    assert.deepEqual(answer('db'), ['10.0.0.1']);
  });
});

it('forgetting a target leaves the others', async () => {
  const { cache, answer } = scripted({ db: ['10.0.0.1'] });
  await cache.resolve([
    { container: web, host: 'db' },
    { container: other, host: 'db' },
  ]);
  cache.forget(web.id);
  assert.deepEqual([answer('db'), answer('db', other)], [undefined, ['10.0.0.1']]);
});
