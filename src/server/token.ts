import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { SquallError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** Where the token of the TCP listener stands: in a file, or here (from the environment). */
export type TokenSource = { file: string } | { text: string };

export interface Token {
  /** The token as it is now; undefined as long as its file holds none that can be used: then nobody is let in. */
  read(): string | undefined;
}

const SHORTEST = 16;
/** Bytes. Node takes 16 KiB of headers; a file that is longer is not one of a token. */
const LONGEST = 4096;
/** What a header carries as it is: ASCII, no spaces, no control characters. */
const VISIBLE = /^[\x21-\x7e]+$/;
const OTHERS_MAY_READ = 0o004;

const HOW_TO_MAKE =
  'Make one with `(umask 077; openssl rand -hex 32 > FILE)` and give `--token-file FILE`, or set SQUALL_TOKEN';

/** Throws SQ501 where there is none, or one that can't be used. */
export function checkToken(source: TokenSource | undefined): TokenSource {
  if (!source) {
    throw new SquallError('SQ501', '--listen opens the API to the network, and there is no token for it', {
      hint: HOW_TO_MAKE,
    });
  }
  if ('file' in source) readTokenFile(source.file);
  else usable(source.text, 'SQUALL_TOKEN');
  return source;
}

/**
 * The file is read at every call, so that a token is changed by writing another one. While the file is missing or being written, nobody
 * is let in, which is logged once; what it holds is never logged. Throws SQ501 as `checkToken` does.
 */
export function openToken(source: TokenSource, log: Log): Token {
  checkToken(source);
  if ('text' in source) return { read: () => source.text.trim() };
  const { file } = source;
  if (readTokenFile(file).mode & OTHERS_MAY_READ)
    log.warn({ file }, 'every user of this host may read the token file: chmod 600 mends that');
  let lastTold = '';
  return {
    read: () => {
      try {
        const { token } = readTokenFile(file);
        lastTold = '';
        return token;
      } catch (error) {
        const { message } = error as Error;
        if (message !== lastTold)
          log.warn({ error: message }, 'no token can be right until the file is mended');
        lastTold = message;
        return undefined;
      }
    },
  };
}

function readTokenFile(file: string): { token: string; mode: number } {
  const descriptor = open(file);
  try {
    const stat = fstatSync(descriptor);
    // A pipe gives what it holds only once, and would hold up the daemon the second time.
    if (!stat.isFile()) throw refused(`the token file ${file} is no regular file`);
    if (stat.size > LONGEST) throw refused(`the token file ${file} is longer than ${LONGEST} bytes`);
    return { token: usable(readFileSync(descriptor, 'utf8'), `the file ${file}`), mode: stat.mode };
  } finally {
    closeSync(descriptor);
  }
}

function open(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'is not there' : `can't be read (${code})`;
    throw refused(`the token file ${file} ${what}`, error);
  }
}

function usable(text: string, where: string): string {
  const token = text.trim();
  if (token === '') throw refused(`${where} holds no token`);
  if (token.length < SHORTEST) throw refused(`the token in ${where} has fewer than ${SHORTEST} characters`);
  if (!VISIBLE.test(token))
    throw refused(`the token in ${where} has characters other than ASCII letters, digits and punctuation`);
  return token;
}

function refused(message: string, cause?: unknown): SquallError {
  return new SquallError('SQ501', message, { hint: HOW_TO_MAKE, cause });
}
