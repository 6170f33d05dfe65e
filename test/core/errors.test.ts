import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeError, ERRORS, type ErrorCode, SquallError } from '../../src/core/errors.ts';

describe('the table of errors', () => {
  for (const [code, { title, exit, status }] of Object.entries(ERRORS))
    it(`${code} has a code of its room, a title, an exit code and an HTTP status`, () => {
      assert.match(code, /^SQ[1-5]\d\d$/);
      assert.match(title, /^[A-Z].*[^.]$/);
      assert.ok(exit === 1 || exit === 2);
      assert.ok(status >= 400 && status < 600);
      if (code.startsWith('SQ1')) assert.equal(exit, 2, 'an invalid manifest exits with 2');
    });

  it('names every title once', () => {
    const titles = Object.values(ERRORS).map(({ title }) => title);
    assert.equal(new Set(titles).size, titles.length);
  });
});

describe('SquallError', () => {
  it('takes exit code and status from the table, and keeps its cause', () => {
    const cause = new Error('ENOSPC');
    const error = new SquallError('SQ305', 'the disk is full', { hint: 'Free some space.', cause });
    assert.deepEqual([error.exit, error.status], [ERRORS.SQ305.exit, ERRORS.SQ305.status]);
    assert.equal(error.cause, cause);
    assert.ok(error instanceof Error);
  });

  it('is terminal unless it says otherwise', () => {
    assert.equal(new SquallError('SQ301', 'x').terminal, true);
    assert.equal(new SquallError('SQ301', 'x', { terminal: false }).terminal, false);
  });

  it('has no cause where none was given', () => {
    assert.equal('cause' in new SquallError('SQ301', 'x'), false);
  });
});

describe('describeError', () => {
  it('writes code, message and hint on one line', () => {
    const code: ErrorCode = 'SQ209';
    assert.equal(
      describeError(new SquallError(code, 'redis does not resolve')),
      'SQ209: redis does not resolve',
    );
    const hinted = new SquallError(code, 'redis does not resolve', { hint: 'Is it on the same network?' });
    assert.equal(describeError(hinted), 'SQ209: redis does not resolve. Is it on the same network?');
  });

  it('takes whatever was thrown', () => {
    assert.equal(describeError(new TypeError('bad')), 'bad');
    assert.equal(describeError('text'), 'text');
  });
});
