import type { Effect } from '../../../src/core/types.ts';
import { type Lane, lanesOf, type Qdisc, type Standing } from '../../../src/faults/shape/lane.ts';
import type { Netns } from '../../../src/runtime/netns.ts';
import type { SeenFilter, Way } from '../../../src/runtime/tc.ts';

/**
 * A network namespace, as far as packet-level faults touch it: does what lines of ip(8) and tc(8) ask for, shows it as they do, and
 * refuses what the kernel refuses, in its words.
 */
export interface Model {
  ns: Netns;
  standing: Standing;
  /** What each device's qdisc was told, by device. */
  told: Map<string, string>;
  /** Devices that were told to have no address of their own. */
  quiet: Set<string>;
  /** Lines that were done, and programs that were run, in order. */
  done: string[];
  runs: string[];
  /** Does one line, as of a batch. Throws what tc or ip would say. */
  line(words: readonly string[]): void;
  /** Told of each line before it is done, and after: for whoever comes in between. */
  before: (line: string) => void;
  after: (line: string) => void;
}

let inodes = 0;

/** `interfaces`: names beside `lo`. */
export function createModel(interfaces: readonly string[] = ['eth0', 'eth1'], ipv6 = true): Model {
  const standing: Standing = { ifbs: [], qdiscs: [], filters: [] };
  const names = () => ['lo', ...interfaces, ...standing.ifbs.map(({ name }) => name)];
  const model: Model = {
    standing,
    ...{ told: new Map(), quiet: new Set(), done: [], runs: [], before: () => {}, after: () => {} },
    line: (words) => doLine(model, names(), words),
    ns: {
      inode: ++inodes,
      run: async (program, args, stdin = '') => {
        model.runs.push([program, ...args].join(' '));
        const show = args.includes('-j');
        if (show && program === 'ip') return succeed(`${JSON.stringify(standing.ifbs.map(shownIfb))}\n`);
        return batch(stdin, (line) => {
          if (show) return `${JSON.stringify(shown(standing, names(), wordsOf(line)))}\n`;
          model.before(line);
          model.line(wordsOf(line));
          model.done.push(line);
          model.after(line);
          return '';
        });
      },
      procNet: async (file) => {
        if (file === 'dev')
          return `Inter-|\n face |\n${names()
            .map((name) => `${name}: 0`)
            .join('\n')}\n`;
        return file === 'if_inet6' && ipv6 ? '00000000000000000000000000000001 01 80 10 80       lo\n' : '';
      },
    },
  };
  return model;
}

const succeed = (stdout: string) => ({ code: 0, stdout, stderr: '' });

function batch(stdin: string, use: (line: string) => string) {
  let stdout = '';
  for (const [index, line] of stdin.split('\n').filter(Boolean).entries()) {
    try {
      stdout += use(line);
    } catch (error) {
      const stderr = `${(error as Error).message}\nCommand failed -:${index + 1}\n`;
      return { code: 1, stdout, stderr };
    }
  }
  return succeed(stdout);
}

function wordsOf(line: string): string[] {
  return (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
}

function shownIfb({ name, up, alias }: Standing['ifbs'][number]) {
  return { ifname: name, flags: up ? ['NOARP', 'UP'] : ['NOARP'], ...(alias && { ifalias: alias }) };
}

function shown({ qdiscs, filters }: Standing, names: readonly string[], words: readonly string[]) {
  if (words[0] === 'qdisc') return qdiscs.map(({ held, ...rest }) => ({ ...rest, qlen: held }));
  const [, , , dev = '', way] = words;
  known(names, dev);
  return filters
    .filter((one) => one.dev === dev && one.way === way)
    .flatMap(({ pref, handle, program, to }) => {
      const actions = [{ kind: 'mirred', to_dev: to }];
      const bpf = program === '' ? {} : { bpf_name: `21:[${program}]` };
      return [
        { pref, kind: 'bpf' },
        { pref, kind: 'bpf', options: { handle, ...bpf, actions } },
      ];
    });
}

function known(names: readonly string[], dev: string): void {
  if (!names.includes(dev)) throw new Error(`Cannot find device "${dev}"`);
}

/** Changes the world, or throws and leaves it. */
function doLine(model: Model, names: readonly string[], words: readonly string[]): void {
  const { standing } = model;
  const after = (word: string) => words[words.indexOf(word) + 1] ?? '';
  const dev = after('dev');
  const what = words.slice(0, 2).join(' ');
  if (what !== 'link add') known(names, dev);
  if (what === 'link add') addLink(standing, after('name'));
  else if (what === 'link set') setLink(model, dev, words);
  else if (what === 'link del') deleteLink(model, dev);
  else if (what === 'qdisc replace') {
    const [, ...told] = words.slice(words.indexOf('handle') + 1);
    put(standing, dev, told[0] ?? '');
    model.told.set(dev, `${after('handle')} ${told.join(' ')}`);
  } else if (words.at(-1) === 'clsact') clsact(standing, dev, words[1] === 'add');
  else if (what === 'filter replace') {
    known(names, words.at(-1) ?? '');
    replaceFilter(standing, words);
  } else if (what === 'filter del') deleteFilter(standing, words);
  else throw new Error(`Command "${what}" is unknown`);
}

function addLink(standing: Standing, name: string): void {
  if (standing.ifbs.some((one) => one.name === name)) throw new Error('RTNETLINK answers: File exists');
  standing.ifbs.push({ name, up: false, alias: '' });
}

function setLink({ standing, quiet, told }: Model, dev: string, words: readonly string[]): void {
  const link = standing.ifbs.find(({ name }) => name === dev);
  if (!link) throw new Error(`${dev} is not to be touched`);
  if (words.includes('addrgenmode')) quiet.add(dev);
  if (words.includes('alias')) link.alias = words[words.indexOf('alias') + 1] ?? '';
  if (!words.includes('up') || link.up) return;
  link.up = true;
  // As every device gets one when it goes up.
  if (standing.qdiscs.some((one) => one.dev === dev && one.root)) return;
  put(standing, dev, 'pfifo_fast');
  told.delete(dev);
}

/** Filters that lead there lead nowhere then. */
function deleteLink({ standing, told, quiet }: Model, dev: string): void {
  standing.ifbs = standing.ifbs.filter(({ name }) => name !== dev);
  standing.qdiscs = standing.qdiscs.filter((one) => one.dev !== dev);
  standing.filters = standing.filters
    .filter((one) => one.dev !== dev)
    .map((one) => (one.to === dev ? { ...one, to: '*' } : one));
  told.delete(dev);
  quiet.delete(dev);
}

function put(standing: Standing, dev: string, kind: string): void {
  const there = standing.qdiscs.find((one) => one.dev === dev && one.root);
  if (there) there.kind = kind;
  else standing.qdiscs.push({ dev, kind, root: true, held: 0 });
}

function clsact(standing: Standing, dev: string, add: boolean): void {
  const there = standing.qdiscs.find((one) => one.dev === dev && !one.root);
  if (add && there) throw new Error('Error: Exclusivity flag on, cannot modify.');
  if (add) standing.qdiscs.push({ dev, kind: 'clsact', root: false, held: 0 });
  else if (there?.kind !== 'clsact') throw new Error('Error: Invalid handle.');
  else {
    standing.qdiscs = standing.qdiscs.filter((one) => one !== there);
    standing.filters = standing.filters.filter((one) => one.dev !== dev);
  }
}

function place(words: readonly string[]) {
  const after = (word: string) => words[words.indexOf(word) + 1] ?? '';
  const [, , , dev = '', way] = words;
  const handle = `0x${Number(after('handle')).toString(16)}`;
  return { dev, way: way as Way, pref: Number(after('pref')), handle };
}

function isAt(filter: SeenFilter, { dev, way, pref, handle }: ReturnType<typeof place>): boolean {
  return filter.dev === dev && filter.way === way && filter.pref === pref && filter.handle === handle;
}

function replaceFilter(standing: Standing, words: readonly string[]): void {
  const at = place(words);
  if (!standing.qdiscs.some(({ dev, kind }) => dev === at.dev && kind === 'clsact'))
    throw new Error("Error: Parent Qdisc doesn't exists.\nWe have an error talking to the kernel");
  const filter = { ...at, program: words[words.indexOf('section') + 1] ?? '', to: words.at(-1) ?? '' };
  const index = standing.filters.findIndex((one) => isAt(one, at));
  if (index === -1) standing.filters.push(filter);
  else standing.filters[index] = filter;
}

function deleteFilter(standing: Standing, words: readonly string[]): void {
  const index = standing.filters.findIndex((one) => isAt(one, place(words)));
  if (index === -1)
    throw new Error('Error: Specified filter handle not found.\nWe have an error talking to the kernel');
  standing.filters.splice(index, 1);
}

/** An effect of a packet-level kind, both ways to 172.18.0.2. */
export function anEffect(change: Partial<Effect> = {}): Effect {
  const deadline = { wall: 2_000_000, boot: 1_000_000, bootId: 'boot' };
  return {
    ...{ id: 1, runId: 'slow-1', experiment: 'slow', instance: '0badcafe', slot: 0, undo: null, epoch: 1 },
    ...{ target: { id: 'a'.repeat(64), name: 'web' }, incarnation: '2026-11-24T10:00:00Z' },
    fault: { type: 'network-latency', to: [{ service: 'redis' }], direction: 'both', delay: '100ms' },
    resolved: { v4: ['172.18.0.2'], v6: [], any: false, missing: [], networks: ['net'] },
    ...{ phase: 'intended', deadline, strikes: 1, error: null, intendedAt: 0, injectedAt: null },
    ...{ recoveringAt: null, recoveringBoot: null, recoveredAt: null },
    ...change,
  };
}

export const NETEM: Qdisc = { args: ['netem', 'limit', '1000', 'delay', '100000us'], handle: 1 };

/** The lanes of an effect until its deadline. */
export function lanesFor(effect: Effect, qdisc = NETEM, interfaces: readonly string[] = ['eth0']): Lane[] {
  const { instance, experiment, runId: run, deadline } = effect;
  return lanesOf(
    effect,
    qdisc,
    { instance, experiment, run, deadline: deadline.wall },
    deadline.boot,
    interfaces,
  );
}

/** Whether every filter of Squall's leads to a device that is up and has a qdisc of Squall's: otherwise packets would be lost. */
export function isHarmless({ filters, ifbs, qdiscs }: Standing): boolean {
  return filters
    .filter(({ to, program }) => to.startsWith('sq-') || program.startsWith('sq-'))
    .every(({ to }) => {
      const shaped = qdiscs.some(({ dev, root, kind }) => dev === to && root && /netem|tbf/.test(kind));
      return shaped && ifbs.some(({ name, up }) => name === to && up);
    });
}
