import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { VERSION } from '../../src/core/version.ts';
import type { Notice } from '../../src/notify/notice.ts';
import { webhook } from '../../src/notify/webhook.ts';
import { HOST, openDesk, refusal } from './build.ts';

const NOTICE: Notice = {
  id: 7,
  time: Date.UTC(2030, 0, 1, 12),
  kind: 'recovered',
  reason: 'Completed',
  experiment: 'redis-unreachable',
  run: 'redis-unreachable-3',
  message: 'ran for its duration; all is recovered',
  targets: ['web-0', 'web-1'],
  commit: '0123456789abcdef0123456789abcdef01234567',
  dirty: true,
};
const FROM = { host: HOST, instance: '0badcafe' };
const TARGET = { name: 'webhook', kind: 'webhook', url: 'http://127.0.0.1/' } as const;
const bodyOf = (notices: readonly Notice[], dropped = 0) =>
  JSON.parse(webhook.encode({ notices, dropped }, FROM, TARGET).body);

describe('a webhook', () => {
  it('has a body that programs can rely on', () => {
    const { kind, reason, experiment, run, message, targets, commit, dirty } = NOTICE;
    assert.deepEqual(bodyOf([NOTICE]), {
      apiVersion: 'squall/v1',
      kind: 'Notification',
      host: HOST,
      instance: '0badcafe',
      items: [
        {
          id: 7,
          time: '2030-01-01T12:00:00.000Z',
          ...{ kind, reason, experiment, run, targets, message, commit, dirty },
        },
      ],
    });
  });

  it('leaves out what is not known, and says how many were dropped', () => {
    const { id, time, kind, reason, message } = NOTICE;
    const missed: Notice = {
      id,
      time,
      kind,
      reason,
      message,
      experiment: null,
      run: null,
      object: 'Schedule/nightly',
    };
    const { dropped, items } = bodyOf([missed], 3);
    assert.equal(dropped, 3);
    assert.deepEqual(Object.keys(items[0]), [
      ...['id', 'time', 'kind', 'reason', 'experiment', 'object', 'run', 'message'],
    ]);
  });

  it('has no item that is beyond measure', () => {
    const targets = Array.from({ length: 500 }, (_, index) => `web-${index}`);
    const [item] = bodyOf([{ ...NOTICE, targets, message: '😀'.repeat(10_000) }]).items;
    assert.equal(item.targets.length, 100);
    assert.equal([...item.message].length, 4000);
    assert.equal(item.message.isWellFormed(), true);
  });

  it('is signed by its secret, over the bytes that are sent', async () => {
    const { happen, settle, receiver } = await openDesk({ secret: 'ключ' });
    const id = happen(refusal('zu viele — 太多'));
    await settle(1);
    const [{ method, headers, body }] = receiver.received as [(typeof receiver.received)[number]];
    const expected = createHmac('sha256', 'ключ').update(Buffer.from(body, 'utf8')).digest('hex');
    assert.equal(headers['x-squall-signature'], `sha256=${expected}`);
    assert.equal(headers['idempotency-key'], `0badcafe-${id}`);
    assert.equal(headers['user-agent'], `squall/${VERSION}`);
    assert.equal(headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(method, 'POST');
    assert.equal(JSON.parse(body).items[0].message, 'zu viele — 太多');
  });

  it('without a secret has no signature', async () => {
    const { happen, settle, receiver } = await openDesk();
    happen(refusal('too many'));
    await settle(1);
    assert.equal(receiver.received[0]?.headers['x-squall-signature'], undefined);
  });
});
