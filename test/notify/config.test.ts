import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { type NotifyFlags, notifyTargets } from '../../src/notify/config.ts';

const FILES: Record<string, string> = {
  '/run/secrets/slack': 'https://hooks.example.org/services/T0/B0/s3cr3t\n',
  '/run/secrets/webhooks': 'https://one.example.org/s3cr3t\nhttps://two.example.org/s3cr3t\n',
  '/run/secrets/key': 'k3y\r\n',
  '/run/secrets/empty': '\n',
};

function read(path: string): string {
  const text = FILES[path];
  if (text === undefined)
    throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' });
  return text;
}

const targets = (flags: NotifyFlags = {}, env: Record<string, string> = {}) =>
  notifyTargets(flags, env, read);

/** What is wrong, in the user's words. */
function problem(flags: NotifyFlags, env: Record<string, string> = {}): string {
  try {
    targets(flags, env);
  } catch (error) {
    assert.ok(error instanceof SquallError && error.code === 'SQ501', String(error));
    assert.doesNotMatch(`${error.message} ${error.hint}`, /s3cr3t/);
    return `${error.message}. ${error.hint}`;
  }
  return assert.fail('it was taken');
}

describe('who is told', () => {
  it('is nobody unless somebody says so', () => {
    assert.deepEqual(
      targets({ webhook: [] }, { SQUALL_NOTIFY_SLACK: '', SQUALL_NOTIFY_SECRET: 'k', SQUALL_NOTIFY_ON: '' }),
      [],
    );
  });

  it('is said by flags, the webhooks as often as there are some', () => {
    const found = targets({
      webhook: ['https://a.example/x', 'http://b.example'],
      slack: 'https://c.example/',
      only: 'denied, FAILED,denied',
    });
    const only = ['denied', 'failed'];
    assert.deepEqual(found, [
      { name: 'webhook', kind: 'webhook', url: 'https://a.example/x', only },
      { name: 'webhook-2', kind: 'webhook', url: 'http://b.example/', only },
      { name: 'slack', kind: 'slack', url: 'https://c.example/', only },
    ]);
  });

  it('is said by the environment, or in files that it names', () => {
    const byName = targets(
      {},
      {
        SQUALL_NOTIFY_WEBHOOK: 'https://a.example/x  https://b.example/',
        SQUALL_NOTIFY_SLACK: ' https://c.example/ ',
        SQUALL_NOTIFY_SECRET: 'k3y',
        SQUALL_NOTIFY_ON: 'halted',
      },
    );
    assert.deepEqual(byName, [
      { name: 'webhook', kind: 'webhook', url: 'https://a.example/x', secret: 'k3y', only: ['halted'] },
      { name: 'webhook-2', kind: 'webhook', url: 'https://b.example/', secret: 'k3y', only: ['halted'] },
      { name: 'slack', kind: 'slack', url: 'https://c.example/', only: ['halted'] },
    ]);
    const byFile = targets(
      {},
      {
        SQUALL_NOTIFY_WEBHOOK_FILE: '/run/secrets/webhooks',
        SQUALL_NOTIFY_SLACK_FILE: '/run/secrets/slack',
        SQUALL_NOTIFY_SECRET_FILE: '/run/secrets/key',
      },
    );
    assert.deepEqual(byFile, [
      { name: 'webhook', kind: 'webhook', url: 'https://one.example.org/s3cr3t', secret: 'k3y' },
      { name: 'webhook-2', kind: 'webhook', url: 'https://two.example.org/s3cr3t', secret: 'k3y' },
      { name: 'slack', kind: 'slack', url: 'https://hooks.example.org/services/T0/B0/s3cr3t' },
    ]);
  });

  it('is said by a flag rather than by the environment', () => {
    const env = {
      SQUALL_NOTIFY_WEBHOOK: 'https://env.example/',
      SQUALL_NOTIFY_SLACK_FILE: '/run/secrets/not-read',
      SQUALL_NOTIFY_ON: 'nonsense',
    };
    const found = targets(
      { webhook: ['https://flag.example/'], slack: 'https://flag.example/', only: 'failed' },
      env,
    );
    assert.deepEqual([...new Set(found.map(({ url }) => url))], ['https://flag.example/']);
  });
});

describe('a mistake', () => {
  it('in a URL is told by its place, without the URL', () => {
    for (const bad of ['hooks.example.org/s3cr3t', 'ftp://s3cr3t.example/', 'https://', 's3cr3t'])
      assert.match(
        problem({ slack: bad }),
        /^--notify-slack is not an http or https URL\. Expected something such as/,
      );
    assert.match(
      problem({ webhook: ['https://a.example', 's3cr3t'] }),
      /^--notify-webhook, number 2, is not/,
    );
    assert.match(problem({}, { SQUALL_NOTIFY_WEBHOOK: 's3cr3t' }), /^SQUALL_NOTIFY_WEBHOOK is not/);
  });

  it('in a kind is told with what was meant', () => {
    assert.match(
      problem({ only: 'failed,recoverd' }),
      /^--notify-on: .* "recoverd"\. Did you mean "recovered"\?$/,
    );
    assert.match(
      problem({}, { SQUALL_NOTIFY_ON: 'everything' }),
      /^SQUALL_NOTIFY_ON: .* Known are started, denied/,
    );
    problem({ only: 'https://s3cr3t.example/' });
  });

  it('with a file is told by the variable: its value may be the secret itself', () => {
    assert.match(
      problem({}, { SQUALL_NOTIFY_SLACK_FILE: 'https://s3cr3t.example/' }),
      /SQUALL_NOTIFY_SLACK_FILE names cannot be read: ENOENT\. .* goes into SQUALL_NOTIFY_SLACK$/,
    );
    assert.match(
      problem({}, { SQUALL_NOTIFY_SECRET_FILE: '/run/secrets/empty' }),
      /SQUALL_NOTIFY_SECRET_FILE names is empty/,
    );
    const both = {
      SQUALL_NOTIFY_SLACK: 'https://s3cr3t.example/',
      SQUALL_NOTIFY_SLACK_FILE: '/run/secrets/slack',
    };
    assert.match(problem({}, both), /^SQUALL_NOTIFY_SLACK and SQUALL_NOTIFY_SLACK_FILE are both set/);
  });
});
