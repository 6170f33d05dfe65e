import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openJournal } from '../../src/journal/journal.ts';
import type { Notification } from '../../src/notify/webhook.ts';
import { scratch } from '../journal/build.ts';
import { until } from '../lab/until.ts';
import { openDesk, refusal } from './build.ts';
import { smallDisk } from './small-disk.ts';

const HOUR = 3_600_000;

describe('a notifier', () => {
  it('tells a target of what happens, within a second and a bit', async () => {
    const { happen, clock, receiver, settle, results } = await openDesk();
    const id = happen(refusal('too many'));
    clock.advance(999);
    assert.equal(receiver.received.length, 0, 'more may come within the second');
    clock.advance(1);
    await settle(1);
    assert.deepEqual(results, ['webhook delivered 1']);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('puts what happens within a second into one message', async () => {
    const { happen, clock, receiver, settle } = await openDesk();
    const ids = [];
    for (let count = 0; count < 50; count += 1) {
      ids.push(happen(refusal('too many', { experiment: `exp-${count}` })));
      clock.advance(10);
    }
    await settle(1);
    assert.equal(receiver.received.length, 1);
    assert.deepEqual(receiver.ids(), ids);
  });

  it('is not put off by what goes on happening', async () => {
    const { happen, pass, receiver, notifier } = await openDesk();
    for (let count = 0; count < 10; count += 1) {
      happen(refusal('again'));
      await pass(500);
    }
    assert.ok(receiver.ids().length >= 7, `${receiver.ids().length} of 10 after 5 s`);
    assert.ok(receiver.received.length <= 6);
    assert.equal(notifier.status()[0]?.dropped, 0);
  });

  it('writes nothing while nothing happens', async () => {
    const journal = openJournal(':memory:');
    let writes = 0;
    const transaction = <T>(work: () => T) => {
      writes += 1;
      return journal.transaction(work);
    };
    const { happen, settle, pass } = await openDesk({}, { ...journal, transaction });
    happen(refusal('too many'));
    await settle(1);
    assert.equal(writes, 2, 'its place at the start, and after the message');
    await pass(600_000);
    assert.equal(writes, 2);
  });

  it('says nothing of events that are none for people', async () => {
    const { happen, clock, receiver, settle } = await openDesk();
    happen(refusal('bad file', { reason: 'Stale' }));
    happen(refusal('network-block', { type: 'Normal', reason: 'Injected', run: 'exp-1', target: 'web-0' }));
    clock.advance(60_000);
    const id = happen(refusal('too many'));
    await settle(1);
    assert.equal(receiver.received.length, 1);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('finds what was written without a sign: by the sentinel, or an offline halt', async () => {
    const { journal, clock, receiver, settle } = await openDesk();
    clock.advance(1000);
    const { id } = journal.events.add(
      refusal('all experiments, by a person', { reason: 'Halted', experiment: null }),
    );
    clock.advance(30_000);
    await settle(1);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('does nothing in the call that tells it of an event: a transaction may be open, and be undone', async () => {
    const { journal, notifier, happen, receiver, settle } = await openDesk();
    assert.throws(() =>
      journal.transaction(() => {
        journal.events.add(refusal('never happened'));
        notifier.poke();
        throw new Error('undone');
      }),
    );
    const id = happen(refusal('happened'));
    await settle(1);
    assert.deepEqual(receiver.ids(), [id]);
    assert.equal(receiver.received[0]?.body.includes('never'), false);
  });

  it('gives each target only the kinds that it wants', async () => {
    const { happen, receiver, settle } = await openDesk({ only: ['halted'] });
    happen(refusal('too many'));
    const id = happen(refusal('by a person', { reason: 'Halted' }));
    await settle(1);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('without targets is idle', async () => {
    const { happen, clock, notifier } = await openDesk([]);
    happen(refusal('too many'));
    clock.advance(60_000);
    assert.deepEqual(notifier.status(), []);
  });
});

describe('the start', () => {
  it('of a target that is new begins with what comes after', async () => {
    const journal = openJournal(':memory:');
    journal.events.add(refusal('long ago'));
    const { happen, receiver, settle } = await openDesk({}, journal);
    assert.deepEqual(
      journal.cursors.get('webhook'),
      { last: 1, dropped: 0 },
      'whatever becomes of this process',
    );
    const id = happen(refusal('now'));
    await settle(1);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('tells what was left behind without waiting for more', async () => {
    const { happen, restart, receiver, clock, settle } = await openDesk();
    const id = happen(refusal('too many'));
    await restart();
    const begin = clock.boot();
    await settle(1);
    assert.deepEqual(receiver.ids(), [id]);
    assert.ok(clock.boot() - begin <= 1100);
  });

  it('goes on after the last one that was delivered: nothing is lost, nothing told twice', async () => {
    const { happen, restart, receiver, settle } = await openDesk();
    const ids = [happen(refusal('one'))];
    await settle(1);
    ids.push(happen(refusal('two')), happen(refusal('three')));
    await restart();
    ids.push(happen(refusal('four')));
    await settle(2);
    await restart();
    await restart();
    ids.push(happen(refusal('five')));
    await settle(3);
    assert.deepEqual(receiver.ids(), ids);
  });

  it('sends again what was under way, and only that', async () => {
    const { happen, restart, receiver, settle, asked, results } = await openDesk();
    const first = happen(refusal('one'));
    await settle(1);
    receiver.answers = ['hang'];
    const second = happen(refusal('two'));
    await asked(2);
    const third = happen(refusal('three'));
    await restart();
    await settle(2);
    assert.deepEqual(results, ['webhook delivered 1', 'webhook delivered 2']);
    assert.deepEqual(receiver.ids(), [first, second, third]);
    assert.deepEqual(JSON.parse(receiver.received[1]?.body ?? '').items.length, 1);
  });

  it('has no history for a target that was taken out and comes back', async () => {
    const { happen, restart, clock, receiver, settle } = await openDesk();
    const targets = [{ name: 'webhook', kind: 'webhook', url: receiver.url }] as const;
    await restart([]);
    happen(refusal('while nobody was told'));
    clock.advance(60_000);
    await restart(targets);
    const id = happen(refusal('now'));
    await settle(1);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('with more kinds than before has no history of those', async () => {
    const { happen, restart, clock, receiver, settle } = await openDesk({ only: ['halted'] });
    happen(refusal('too many'));
    clock.advance(2000);
    await restart([{ name: 'webhook', kind: 'webhook', url: receiver.url }]);
    const id = happen(refusal('again'));
    await settle(1);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('after a crash too: a cursor that only passes by is written now and then', async () => {
    const { happen, journal, clock } = await openDesk({ only: ['halted'] });
    let id = 0;
    for (let count = 0; count < 40; count += 1) {
      id = happen(refusal('too many'));
      clock.advance(1000);
    }
    const { last = 0 } = journal.cursors.get('webhook') ?? {};
    assert.ok(last >= id - 30 && last <= id, `${last} of ${id}`);
  });
});

describe('a target that does not take it', () => {
  it('is told of all of it, in order, when it is there again', async () => {
    const { happen, receiver, settle, pass, delivered, notifier } = await openDesk();
    const ids = [happen(refusal('one'))];
    await settle(1);
    await receiver.down();
    for (let count = 0; count < 5; count += 1) {
      ids.push(happen(refusal(`missed ${count}`)));
      await pass(1000);
    }
    await settle(4);
    const [status] = notifier.status();
    assert.equal(status?.waiting, 5);
    assert.equal(status?.problem, 'ECONNREFUSED');
    assert.ok((status?.failures ?? 0) >= 3);
    await receiver.up();
    await delivered(ids);
    assert.deepEqual(receiver.ids(), ids);
    assert.deepEqual(notifier.status(), [
      { name: 'webhook', waiting: 0, dropped: 0, failures: 0, problem: undefined },
    ]);
  });

  it('is offered the same message again, by the same key', async () => {
    const { happen, receiver, settle } = await openDesk();
    receiver.answers = [{ status: 500 }, { status: 502 }, { status: 408 }];
    happen(refusal('one'));
    await settle(2);
    happen(refusal('two'));
    await settle(5);
    const [first, second, third, fourth, fifth] = receiver.received;
    for (const again of [second, third, fourth]) {
      assert.equal(again?.body, first?.body);
      assert.equal(again?.headers['idempotency-key'], first?.headers['idempotency-key']);
    }
    assert.notEqual(fifth?.headers['idempotency-key'], first?.headers['idempotency-key']);
  });

  it('and hangs is given up after 10 s, and asked again', async () => {
    const { happen, receiver, asked, clock, results, notifier, settle } = await openDesk();
    receiver.answers = ['hang', 'half', 'endless'];
    const id = happen(refusal('one'));
    await asked(1);
    clock.advance(8000);
    assert.deepEqual(results, []);
    clock.advance(2000);
    await settle(1);
    assert.equal(notifier.status()[0]?.problem, 'timeout');
    await asked(2);
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate); // what is written is on this side, unread
    clock.advance(10_000);
    await settle(2);
    assert.equal(notifier.status()[0]?.problem, 'status 503', 'what it said before it hung counts');
    await settle(3);
    assert.equal(notifier.status()[0]?.problem, 'status 500', 'nobody listens for ever');
    await settle(4);
    assert.deepEqual(results.slice(2), ['webhook retried 1', 'webhook delivered 1']);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('and hangs holds up no other, and has one request at a time', async () => {
    const { happen, receiver, asked, clock, restart, results } = await openDesk([]);
    const target = { name: 'webhook', kind: 'webhook', url: receiver.url } as const;
    await restart([target, { ...target, name: 'webhook-2' }]);
    receiver.answers = ['hang'];
    const ids = [happen(refusal('one'))];
    await asked(2);
    for (let count = 0; count < 5; count += 1) {
      ids.push(happen(refusal('more')));
      clock.advance(1000);
    }
    await until('the other', () => receiver.ids().length === ids.length && clock.requests === 1);
    assert.deepEqual(receiver.ids(), ids);
    assert.equal(receiver.received.length, results.length + 1, 'all that was asked was answered, but one');
    assert.equal(new Set(results.map((result) => result.split(' ')[0])).size, 1);
  });

  it('and is closed ends at once', async () => {
    const { happen, receiver, asked, notifier, clock } = await openDesk();
    receiver.answers = ['hang'];
    happen(refusal('one'));
    await asked(1);
    await notifier.close();
    assert.equal(clock.pending, 0);
    notifier.poke();
    assert.equal(clock.pending, 0, 'nothing begins after the end');
  });

  it('and is closed while it is left alone ends at once too', async () => {
    const { happen, receiver, settle, notifier, clock } = await openDesk();
    receiver.answers = [{ status: 503, headers: { 'retry-after': '600' } }];
    happen(refusal('one'));
    await settle(1);
    await notifier.close();
    assert.equal(clock.pending, 0);
  });

  it('is asked less and less often, and as often as at first once it took something', async () => {
    const { happen, receiver, settle, lines } = await openDesk();
    const down = Array.from({ length: 12 }, () => ({ status: 500 }));
    receiver.answers = [...down, { status: 200 }, { status: 500 }];
    happen(refusal('one'));
    await settle(13);
    happen(refusal('two'));
    await settle(15);
    const waits = lines
      .map((line) => JSON.parse(line) as { retryIn?: number })
      .map(({ retryIn }) => retryIn)
      .filter((wait) => wait !== undefined);
    assert.equal(waits.length, 13);
    assert.ok((waits[11] ?? 0) >= 15_000 && Math.max(...waits) <= 30_000, `${waits}`);
    assert.ok((waits[12] ?? 0) <= 100, `${waits}`);
  });

  it('and says when to come back is left alone until then', async () => {
    const { happen, receiver, clock, settle, pass } = await openDesk();
    receiver.answers = [
      { status: 429, headers: { 'retry-after': '120' } },
      { status: 503, headers: { 'retry-after': new Date(clock.now() + 600_000).toUTCString() } },
      { status: 503, headers: { 'retry-after': 'soon' } },
    ];
    const begin = clock.boot();
    const first = happen(refusal('one'));
    await settle(1);
    await pass(118_000);
    happen(refusal('two'));
    await pass(1000);
    assert.equal(receiver.received.length, 1, 'what is new does not wake it');
    await settle(2);
    assert.ok(clock.boot() - begin >= 120_000, 'seconds are waited for');
    await settle(3);
    assert.ok(clock.boot() - begin >= 598_000, 'the date is waited for');
    await settle(4);
    assert.ok(clock.boot() - begin < 610_000, 'what says nothing is not');
    assert.deepEqual(receiver.ids().slice(0, 1), [first]);
  });

  it('for good is not asked again: a refusal is told in the log, and with the next message', async () => {
    const { happen, receiver, settle, results, lines, notifier } = await openDesk();
    receiver.answers = [{ status: 400, body: 'invalid_payload' }];
    happen(refusal('one'));
    await settle(1);
    assert.equal(notifier.status()[0]?.problem, 'status 400 invalid_payload');
    assert.ok(lines.some((line) => /"level":40.*status 400 invalid_payload.*given up/.test(line)));
    const second = happen(refusal('two'));
    await settle(2);
    assert.deepEqual(results, ['webhook refused 1', 'webhook delivered 1']);
    assert.deepEqual(receiver.ids(), [second]);
    assert.equal((JSON.parse(receiver.received[1]?.body ?? '') as Notification).dropped, 1);
    happen(refusal('three'));
    await settle(3);
    assert.equal(JSON.parse(receiver.received[2]?.body ?? '').dropped, undefined, 'told once');
  });

  it('but sends elsewhere is not followed', async () => {
    const { happen, receiver, settle, results } = await openDesk();
    receiver.answers = [{ status: 307, headers: { location: `${receiver.url}/elsewhere` } }];
    happen(refusal('one'));
    await settle(1);
    assert.deepEqual(results, ['webhook refused 1']);
    assert.deepEqual(
      receiver.received.map(({ path }) => path),
      ['/hook/s3cr3t-token'],
    );
  });

  it('and speaks no TLS where it should is not spoken to without', async () => {
    const { happen, receiver, restart, settle, notifier, lines } = await openDesk([]);
    await restart([{ name: 'webhook', kind: 'webhook', url: receiver.url.replace('http:', 'https:') }]);
    happen(refusal('one'));
    await settle(1);
    assert.deepEqual(receiver.received, []);
    assert.match(notifier.status()[0]?.problem ?? '', /^(EPROTO|ERR_SSL_\w+)$/);
    assert.ok(lines.length > 0);
  });

  it('for less than an hour is told of it, whatever the wall clock says meanwhile', async () => {
    const { happen, receiver, clock, settle, results } = await openDesk();
    receiver.answers = [{ status: 503, headers: { 'retry-after': '3500' } }];
    const id = happen(refusal('one'));
    await settle(1);
    clock.step(10 * HOUR);
    await settle(2);
    assert.deepEqual(results, ['webhook retried 1', 'webhook delivered 1']);
    assert.deepEqual(receiver.ids(), [id]);
  });

  it('for an hour is not told of it any more, but that there was something: after a restart too', async () => {
    const { happen, receiver, settle, pass, results, restart, journal, delivered, notifier } =
      await openDesk();
    receiver.answers = [{ status: 503, headers: { 'retry-after': '86400' } }, { status: 500 }];
    happen(refusal('one'));
    await settle(1);
    await pass(HOUR - 60_000);
    const second = happen(refusal('two'));
    await settle(3);
    assert.deepEqual(results, ['webhook retried 1', 'webhook dropped 1', 'webhook retried 1']);
    assert.deepEqual([notifier.status()[0]?.waiting, notifier.status()[0]?.dropped], [1, 1]);
    assert.equal(journal.cursors.get('webhook')?.dropped, 1);
    await restart();
    await delivered([second]);
    const last = JSON.parse(receiver.received.at(-1)?.body ?? '') as Notification;
    assert.deepEqual([last.dropped, last.items.map(({ id }) => id)], [1, [second]]);
    await settle(4);
    assert.equal(journal.cursors.get('webhook')?.dropped, 0, 'told once');
  });

  it('keeps the newest thousand waiting', async () => {
    const { happen, receiver, clock, settle, notifier, results, delivered } = await openDesk();
    receiver.answers = [{ status: 503, headers: { 'retry-after': '20' } }];
    const ids = [happen(refusal('first'))];
    await settle(1);
    for (let count = 0; count < 1200; count += 1) ids.push(happen(refusal(`${count}`)));
    clock.advance(1000);
    assert.deepEqual([notifier.status()[0]?.waiting, notifier.status()[0]?.dropped], [1000, 201]);
    await delivered(ids.slice(201));
    assert.deepEqual(receiver.ids(), ids.slice(201));
    const bodies = receiver.received.slice(1).map(({ body }) => JSON.parse(body) as Notification);
    assert.deepEqual(
      bodies.map(({ dropped, items }) => [dropped, items.length]),
      [[201, 100], ...Array.from({ length: 9 }, () => [undefined, 100])],
    );
    assert.deepEqual(results.slice(0, 2), ['webhook retried 1', 'webhook dropped 201']);
  });
});

describe('a journal', () => {
  const dir = scratch();
  const disk = smallDisk();

  it('that can only be read keeps nobody from being told', async () => {
    const writer = openJournal(`${dir}/read-only.db`);
    const journal = openJournal(`${dir}/read-only.db`, { readOnly: true });
    const { receiver, settle, notifier, restart } = await openDesk({}, journal);
    const ids = [writer.events.add(refusal('one')).id];
    await settle(1);
    ids.push(writer.events.add(refusal('two')).id);
    await settle(2);
    assert.deepEqual(receiver.ids(), ids, 'and nothing is told twice');
    assert.equal(notifier.status()[0]?.waiting, 0);
    assert.equal(writer.cursors.get('webhook'), undefined);
    await restart([]);
    writer.close();
  });

  it('whose disk is full keeps nobody from being told', { skip: disk.skip }, async () => {
    const journal = openJournal(join(disk.dir, 'journal.db'));
    const { happen, settle, receiver, restart, pass } = await openDesk({}, journal);
    const ids = [happen(refusal('one')), happen(refusal('two'))];
    const before = journal.cursors.get('webhook');
    disk.fill();
    await settle(1);
    await pass(120_000);
    assert.deepEqual(receiver.ids(), ids, 'and nothing is told twice');
    assert.deepEqual(journal.cursors.get('webhook'), before, 'there was no room for it');
    disk.empty();
    ids.push(happen(refusal('three')));
    await settle(2);
    await restart();
    await pass(60_000);
    assert.deepEqual(receiver.ids(), ids);
    await restart([]);
    journal.close();
  });

  it('that can be written again learns how far it came', async () => {
    const journal = openJournal(`${dir}/full.db`);
    let full = false;
    const wrapped = {
      ...journal,
      transaction: <T>(work: () => T) => {
        if (full) throw new Error('database or disk is full');
        return journal.transaction(work);
      },
    };
    const { happen, settle, pass } = await openDesk({}, wrapped);
    const before = journal.cursors.get('webhook');
    full = true;
    const id = happen(refusal('one'));
    await settle(1);
    assert.deepEqual(journal.cursors.get('webhook'), before);
    full = false;
    await pass(60_000);
    assert.deepEqual(journal.cursors.get('webhook'), { last: id, dropped: 0 });
  });

  it('that can not be read for a while is looked at again', async () => {
    const journal = openJournal(`${dir}/broken.db`);
    let broken = true;
    const events = {
      ...journal.events,
      list: (...args: Parameters<typeof journal.events.list>) => {
        if (broken) throw new Error('disk I/O error');
        return journal.events.list(...args);
      },
    };
    const { happen, settle, pass, receiver, lines, notifier } = await openDesk({}, { ...journal, events });
    await pass(120_000);
    assert.deepEqual(notifier.status(), []);
    assert.ok(lines.filter((line) => line.includes('cannot be read')).length <= 2, 'said, but not each time');
    broken = false;
    await pass(30_000);
    const id = happen(refusal('one'));
    await settle(1);
    broken = true;
    happen(refusal('two'));
    await pass(60_000);
    broken = false;
    await settle(2);
    assert.deepEqual(receiver.ids(), [id, id + 1]);
  });
});

describe('secrets', () => {
  it('are in no line of the log, and in no status', async () => {
    const { happen, receiver, settle, lines, notifier, restart, clock } = await openDesk({
      secret: 'k3y-of-mine',
    });
    receiver.answers = [
      { status: 500, body: 's3cr3t-token' },
      { status: 404, body: 'token' },
      { status: 400, body: `no route ${'s3cr3t-token'}` },
    ];
    for (let count = 1; count <= 3; count += 1) {
      happen(refusal(`${count}`));
      await settle(count);
    }
    await receiver.down();
    happen(refusal('down'));
    await settle(5);
    const bad = { name: 'webhook', kind: 'webhook' } as const;
    await restart([
      { ...bad, url: 'https://us3r:s3cr3t@127.0.0.1:1/s3cr3t-token' },
      { ...bad, name: 'webhook-2', url: 'http://s3cr3t-token.invalid/s3cr3t-token' },
      { ...bad, name: 'webhook-3', url: 'http://127.0.0.1:99999/s3cr3t-token' },
    ]);
    happen(refusal('nowhere'));
    await settle(10);
    clock.advance(1000);
    const said = [...lines, JSON.stringify(notifier.status())].join('\n');
    assert.ok(lines.length >= 5);
    assert.doesNotMatch(said, /s3cr3t|token|us3r|k3y-of-mine|\/hook|127\.0\.0\.1|invalid/);
  });
});
