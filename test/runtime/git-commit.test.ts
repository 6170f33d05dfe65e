import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCommit } from '../../src/runtime/git-commit.ts';

function commit(headers: string[], message: string, encoding: BufferEncoding = 'utf8'): Buffer {
  return Buffer.from(`${['tree 4b825dc', ...headers].join('\n')}\n\n${message}`, encoding);
}

describe('a commit', () => {
  it('has an author without e-mail and the first line of its message', () => {
    const bytes = commit(
      ['author Ada <King> Lovelace <ada@example.org> 1700000000 +0100', 'committer B <b@c> 1 +0000'],
      '\n  Block redis \r\n\nAnd more.\n',
    );
    assert.deepEqual(parseCommit(bytes), {
      author: 'Ada <King> Lovelace',
      subject: 'Block redis',
      signatures: [],
    });
  });

  it('is read in the encoding that it names', () => {
    const latin = commit(
      ['author Ad\u00e4 <a@b> 1 +0000', 'encoding ISO-8859-1'],
      'Gr\u00fc\u00dfe',
      'latin1',
    );
    assert.deepEqual(parseCommit(latin), { author: 'Ad\u00e4', subject: 'Gr\u00fc\u00dfe', signatures: [] });
    const unknown = commit(['author \u00e4 <a@b> 1 +0000', 'encoding nonsense'], '\u00fc');
    assert.deepEqual(parseCommit(unknown), { author: '\u00e4', subject: '\u00fc', signatures: [] });
  });

  it('names its signatures, and takes nothing in its message for one', () => {
    const signature = ['gpgsig -----BEGIN SSH SIGNATURE-----', ' U1NIU0lH', ' -----END SSH SIGNATURE-----'];
    const bytes = commit(
      ['author A <a@b> 1 +0000', ...signature, 'gpgsig-sha256 -----BEGIN PGP SIGNATURE-----', ' x'],
      'gpgsig no\n',
    );
    assert.deepEqual(parseCommit(bytes).signatures, [
      '-----BEGIN SSH SIGNATURE-----',
      '-----BEGIN PGP SIGNATURE-----',
    ]);
  });

  it('may lack everything', () => {
    const nothing = { author: '', subject: '', signatures: [] };
    assert.deepEqual(parseCommit(Buffer.from('')), nothing);
    assert.deepEqual(parseCommit(Buffer.from('tree x\nauthor <a@b> 1 +0000')), nothing);
    assert.deepEqual(parseCommit(commit(['author  <> 1 +0000'], '')), nothing);
  });
});
