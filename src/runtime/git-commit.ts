/** What a commit says, as it is written: it may hold anything. */
export interface Commit {
  /** The author's name. */
  author: string;
  /** First line of the message. */
  subject: string;
  /** Each signature's first line, such as `-----BEGIN SSH SIGNATURE-----`. */
  signatures: string[];
}

/** Reads a commit object: headers, an empty line, the message. See gitformat-signature(5), and i18n.commitEncoding of git-config(1). */
export function parseCommit(bytes: Uint8Array): Commit {
  const raw = Buffer.from(bytes);
  const split = raw.indexOf('\n\n');
  const head = split < 0 ? raw : raw.subarray(0, split);
  const message = split < 0 ? Buffer.alloc(0) : raw.subarray(split + 2);
  const headers = readHeaders(head.toString('latin1'));
  const text = decoder(headers.find(([name]) => name === 'encoding')?.[1]);
  const author = headers.find(([name]) => name === 'author')?.[1] ?? '';
  return {
    author: text(Buffer.from(author, 'latin1')).replace(/ *<[^<]*$/, ''),
    subject: text(message).trimStart().split('\n', 1)[0]?.trimEnd() ?? '',
    signatures: headers.filter(([name]) => name.startsWith('gpgsig')).map(([, value]) => value),
  };
}

/** Name and first line of each; a line that goes on with the one before begins with a space, and so has no name. */
function readHeaders(head: string): [string, string][] {
  return head.split('\n').map((line) => {
    const space = line.indexOf(' ');
    return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
  });
}

function decoder(encoding = 'utf-8'): (bytes: Uint8Array) => string {
  try {
    const decode = new TextDecoder(encoding);
    return (bytes) => decode.decode(bytes);
  } catch {
    return (bytes) => new TextDecoder().decode(bytes);
  }
}
