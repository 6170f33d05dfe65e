import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SquallError } from '../core/errors.ts';
import type { Container } from '../core/types.ts';
import type { Netns } from './netns.ts';

/** Name server settings, as far as they matter here (resolv.conf(5)). */
export interface ResolvConf {
  servers: string[];
  search: string[];
  ndots: number;
}

/** What the child is asked. */
export interface Question {
  servers: string[];
  /** In the order to be tried; the first with an address answers. */
  names: string[];
  /** ms for everything. */
  timeout: number;
}

/** `silent`: no server answered some of the questions, so that no address does not mean no such name. */
export interface Answer {
  addresses: string[];
  silent: boolean;
}

const TIMEOUT = 3000;

/** Docker's own server, which every network but the default bridge has (the container's view). */
const ENGINE_DNS = '127.0.0.11';

/** Beside this file, as source (.ts) or built (.js). */
const CHILD = fileURLToPath(new URL(`./resolver-child${extname(import.meta.url)}`, import.meta.url));

/**
 * The IPv4 and IPv6 addresses of a name as the container would find them: its hosts file, else its name servers, asked from inside
 * its network namespace. Empty where there is no such name. Throws SQ209 (not terminal) where no server answers within 3 s.
 */
export async function resolveInTarget(
  ns: Netns,
  container: Pick<Container, 'name' | 'networkMode' | 'resolvConfPath' | 'hostsPath'>,
  name: string,
): Promise<string[]> {
  const [resolv, hosts] = await Promise.all([
    readSmall(container.resolvConfPath),
    readSmall(container.hostsPath),
  ]);
  const listed = hostsEntries(hosts ?? '', name);
  if (listed.length > 0) return listed;
  const conf = parseResolvConf(resolv ?? `nameserver ${ENGINE_DNS}`);
  const question: Question = { servers: conf.servers, names: candidateNames(name, conf), timeout: TIMEOUT };
  const { code, stdout, stderr } = await ns.run(process.execPath, [CHILD], JSON.stringify(question));
  if (code !== 0) throw new SquallError('SQ303', `the resolver failed: ${stderr.trim().slice(0, 300)}`);
  const answer = JSON.parse(stdout) as Answer;
  if (answer.addresses.length === 0 && answer.silent) {
    throw new SquallError('SQ209', `no name server of ${container.name} answers for ${name}`, {
      hint: `Asked: ${conf.servers.join(', ')}`,
      terminal: false,
    });
  }
  return answer.addresses;
}

/** Reads what resolv.conf(5) says; unusable servers are left out. Without any, the local one is meant. */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { servers: [], search: [], ndots: 1 };
  for (const line of text.split('\n')) {
    const [key, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    const [first = ''] = values;
    if (key === 'nameserver' && isIP(first.replace(/%.*$/, ''))) conf.servers.push(first.replace(/%.*$/, ''));
    if (key === 'search' || key === 'domain') conf.search = values.filter((domain) => domain !== '.');
    const ndots = key === 'options' ? values.find((option) => /^ndots:\d+$/.test(option)) : undefined;
    if (ndots) conf.ndots = Math.min(Number(ndots.slice('ndots:'.length)), 15);
  }
  if (conf.servers.length === 0) conf.servers.push('127.0.0.1');
  return conf;
}

/** The absolute names to try, in order: with enough dots as it is first, else the search domains first. */
export function candidateNames(
  name: string,
  { search, ndots }: Pick<ResolvConf, 'search' | 'ndots'>,
): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const inDomains = search.map((domain) => `${name}.${domain.replace(/\.$/, '')}`);
  return name.split('.').length - 1 >= ndots ? [name, ...inDomains] : [...inDomains, name];
}

/** Addresses of a name in a hosts(5) file. */
export function hostsEntries(text: string, name: string): string[] {
  const wanted = name.replace(/\.$/, '').toLowerCase();
  const found = text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/);
    return isIP(address) && names.some((other) => other.toLowerCase() === wanted) ? [address] : [];
  });
  return [...new Set(found)];
}

/** Undefined where the engine names no file, or it is not to be seen from here (a daemon inside a container). */
async function readSmall(path: string): Promise<string | undefined> {
  if (path === '') return undefined;
  return readFile(path, 'utf8').then(
    (text) => text.slice(0, 65_536),
    () => undefined,
  );
}
