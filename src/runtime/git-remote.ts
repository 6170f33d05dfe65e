import { resolve } from 'node:path';
import { SquallError } from '../core/errors.ts';

/** Where a repository is, with its secrets apart: what git is given on its command line, all users of the machine can read. */
export interface Remote {
  /** For git. Without a password. */
  url: string;
  /** For people: without user and password (ssh: with the user, who belongs to the address). */
  shown: string;
  /** What http(s) asks for, as a header line; undefined where the URL has no password. */
  header: string | undefined;
  /** Takes out of a text whatever must not be read in it. */
  redact(text: string): string;
}

/** Characters; shorter ones are names of people, and words of messages. */
const SHORTEST_TOKEN = 12;

const SCHEMES = ['https', 'http', 'ssh', 'git', 'file'];

/** Reads a URL as git-fetch(1) knows them, or a path. Throws SQ501 where git would run a program for it, or nothing would. */
export function parseRemote(given: string): Remote {
  if (given === '' || given.startsWith('-') || /\p{Cc}/u.test(given)) {
    throw refused(withoutUser(given), 'it is no URL');
  }
  const [, scheme, authority, rest] = /^([^:/?#]+):\/\/([^/?#]*)(.*)$/.exec(given) ?? [];
  if (scheme !== undefined && authority !== undefined && rest !== undefined) {
    return fromUrl(given, scheme.toLowerCase(), authority, rest);
  }
  if (/^[^/]+::/.test(given)) throw refused(given, 'it names a program to run');
  // `host:path` with no slash before the colon is ssh (git-fetch(1)); anything else is a path
  const url = /^[^/]+:/.test(given) ? given : resolve(given);
  return { url, shown: url, header: undefined, redact: withoutUser };
}

/** Whether git takes it for the name of a branch: git-check-ref-format(1). */
export function isBranchName(name: string): boolean {
  const forbidden = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|^[-/]|\/$|\/\/|\.$|(^|\/)\.|\.lock(\/|$)|^@$/u;
  return name !== '' && !forbidden.test(name);
}

function fromUrl(given: string, scheme: string, authority: string, rest: string): Remote {
  if (!SCHEMES.includes(scheme)) throw refused(withoutUser(given), `git is not let to use ${scheme}://`);
  const at = authority.lastIndexOf('@');
  const userinfo = at < 0 ? '' : authority.slice(0, at);
  const host = authority.slice(at + 1);
  if (!/^(\[[^\]]*\]|[^:]*)(:\d*)?$/.test(host)) {
    throw refused(`${scheme}://...`, 'its port is no number (in a password, / is written %2F, and @ %40)');
  }
  const colon = userinfo.indexOf(':');
  const user = colon < 0 ? userinfo : userinfo.slice(0, colon);
  const password = colon < 0 ? '' : userinfo.slice(colon + 1);
  const plain = `${scheme}://${host}${rest}`;
  const named = user === '' ? plain : `${scheme}://${user}@${host}${rest}`;
  const web = scheme === 'https' || scheme === 'http';
  const basic = Buffer.from(`${decoded(user)}:${decoded(password)}`).toString('base64');
  // a user alone may be a token too: a long one; only for ssh it never is
  const token = web && user.length >= SHORTEST_TOKEN ? [user] : [];
  const secrets = password === '' ? token : [userinfo, password, decoded(password), basic];
  return {
    url: web && password !== '' ? plain : named,
    shown: scheme === 'ssh' ? named : web ? plain.replace(/[?#].*$/, '') : plain,
    header: web && password !== '' ? `Authorization: Basic ${basic}` : undefined,
    redact: (text) => withoutUser(redacted(text, secrets)),
  };
}

function redacted(text: string, secrets: readonly string[]): string {
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((left, secret) => left.replaceAll(secret, '***'), text);
}

/** For whatever URL a text may hold. */
function withoutUser(text: string): string {
  return text.replace(/(https?:\/\/)[^/\s]*@/gi, '$1').replace(/(:\/\/[^/\s:@]*):[^/\s]*@/g, '$1@');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refused(shown: string, why: string): SquallError {
  return new SquallError('SQ501', `cannot read manifests from ${JSON.stringify(shown)}: ${why}`, {
    hint: 'Give an https, http, ssh, git or file URL, user@host:path, or a path',
  });
}
