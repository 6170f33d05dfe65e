import type { Container } from '../../src/core/types.ts';
import type { Inventory } from '../../src/runtime/inventory.ts';
import type { Inside } from './child.ts';
import { asContainer, type Namespace, openNamespace } from './namespace.ts';

/** How a cell is wired. */
export interface CellOptions {
  /** Names of networks, one interface each (eth0, eth1, ...). Default: one that all share, called `wire`. */
  networks?: string[];
  /** Addresses of each family on each interface; the container tells the first one only. Default 1. */
  addresses?: number;
  labels?: Record<string, string>;
}

/** A cell's interface on a network. */
export interface Port {
  device: string;
  ip4: [string, ...string[]];
  ip6: [string, ...string[]];
}

/** What the fault code takes for a container, and traffic can be started in. */
export interface Cell extends Inside {
  name: string;
  container: Container;
  /** The first address on its first network. */
  ip4: string;
  ip6: string;
  on(network: string): Port;
  /** Runs a program in its namespace (with this machine's files) and gives its output; throws where it fails. */
  run: Namespace['run'];
  /** One ICMP echo request from inside it: true where it is answered within a second. */
  pings(to: string): Promise<boolean>;
}

/** Cells on networks of their own, which touch nothing else of the machine. */
export interface Wire<Name extends string> {
  cells: Readonly<Record<Name, Cell>>;
  /** Shows the cells as running containers. */
  inventory: Inventory;
  /** Ends the traffic in the cells, then the cells. */
  close(): Promise<void>;
}

/**
 * Opens a wire: one bridge a network, all in a namespace that is a switch and nothing else. Needs root, cgroup v2, veth and bridge:
 * it is meant for a kernel without an engine. `const { cells: { client, server } } = await openWire({ client: {}, server: {} })`.
 */
export async function openWire<Name extends string>(wanted: Record<Name, CellOptions>): Promise<Wire<Name>> {
  const entries = Object.entries<CellOptions>(wanted);
  const networks = [...new Set(entries.flatMap(([, options]) => networksOf(options)))];
  const spaces: Namespace[] = [];
  const ends: (() => Promise<void>)[] = [];
  const close = async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
    await Promise.all(spaces.splice(0).map((space) => space.close()));
  };
  const open = async () => {
    const space = await openNamespace();
    spaces.push(space);
    return space;
  };
  try {
    const hub = await open();
    const plan: Planned[] = [];
    for (const [index, [name, options]] of entries.entries())
      plan.push({ name, options, space: await open(), index, ports: portsOf(options, networks, index) });
    await connectAll(hub, networks, plan);
    const cells = Object.fromEntries(plan.map((one) => [one.name, cellOf(one, ends)]));
    const containers = Object.values(cells).map(({ container }) => container);
    return { cells: cells as Record<Name, Cell>, inventory: inventoryOf(containers), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function connectAll(hub: Namespace, networks: string[], plan: Planned[]): Promise<void> {
  await Promise.all(plan.map(({ space }) => space.run('busybox', ['sysctl', '-qw', ...QUIET])));
  await hub.run('ip', ['-batch', '-'], [...networks.map(bridge), ...plan.map(cables)].flat().join('\n'));
  await Promise.all(plan.map(configure));
}

interface Planned {
  name: string;
  options: CellOptions;
  space: Namespace;
  index: number;
  /** By network. */
  ports: Map<string, Port & { bridge: string }>;
}

function networksOf({ networks = ['wire'] }: CellOptions): string[] {
  return networks;
}

/** The second number of an address is its network's, the third its cell's, the last its own. */
function portsOf(options: CellOptions, networks: string[], cell: number): Planned['ports'] {
  const numbers = Array.from({ length: options.addresses ?? 1 }, (_, index) => index + 1);
  const ports = networksOf(options).map((network, index) => {
    const number = networks.indexOf(network) + 1;
    const ip4 = numbers.map((own) => `10.${number}.${cell + 1}.${own}`) as Port['ip4'];
    const ip6 = numbers.map((own) => `fd99:${number}::${cell + 1}:${own}`) as Port['ip6'];
    return [network, { device: `eth${index}`, bridge: `br${number}`, ip4, ip6 }] as const;
  });
  return new Map(ports);
}

function bridge(_network: string, index: number): string[] {
  const name = `br${index + 1}`;
  // Snooping would hold back neighbour discovery, which is multicast, until it has learned who listens.
  return [`link add ${name} type bridge mcast_snooping 0`, `link set ${name} up`];
}

/** The switch's side of a cell's interfaces. */
function cables({ ports, space, index }: Planned): string[] {
  return [...ports.values()].flatMap(({ device, bridge: to }) => {
    const ours = `c${index}-${device}`;
    return [
      `link add ${ours} type veth peer name ${device} netns ${space.pid}`,
      `link set ${ours} master ${to} up`,
    ];
  });
}

/**
 * A cell says nothing by itself, so that what is counted is what a test sends: no address is asked after before it is used, no router is
 * looked for, and a neighbour once found is trusted for ten minutes (`ip neigh flush` makes it look again).
 */
const QUIET = [
  ...['all', 'default'].map((which) => `net.ipv6.conf.${which}.accept_dad=0`),
  'net.ipv6.conf.default.router_solicitations=0',
];
const TRUSTED_MS = 600_000;

/** The cell's own side. */
async function configure({ ports, space }: Planned): Promise<void> {
  const lines = [...ports.values()].flatMap(({ device, ip4, ip6 }) => [
    `link set ${device} up`,
    ...['arp_cache', 'ndisc_cache'].map(
      (cache) =>
        `ntable change name ${cache} dev ${device} base_reachable ${TRUSTED_MS} delay_probe ${TRUSTED_MS}`,
    ),
    ...ip4.map((address) => `addr add ${address}/16 dev ${device}`),
    ...ip6.map((address) => `addr add ${address}/64 dev ${device} nodad`),
  ]);
  await space.run('ip', ['-batch', '-'], ['link set lo up', ...lines].join('\n'));
}

function cellOf({ name, options, space, ports }: Planned, ends: (() => Promise<void>)[]): Cell {
  const attachments = [...ports].map(([network, { ip4, ip6 }]) => ({
    network,
    ip4: ip4[0],
    ip6: ip6[0],
    aliases: [name],
  }));
  const on = (network: string) => {
    const port = ports.get(network);
    if (!port) throw new Error(`${name} is not on the network ${network}`);
    return port;
  };
  const [first = ''] = networksOf(options);
  return {
    name,
    container: asContainer(space, name, attachments, options.labels),
    ip4: on(first).ip4[0],
    ip6: on(first).ip6[0],
    on,
    run: space.run,
    pid: async () => space.pid,
    onClose: (end) => ends.push(end),
    pings: (to) =>
      space.run('busybox', ['ping', '-c', '1', '-W', '1', to]).then(
        () => true,
        () => false,
      ),
  };
}

/** Containers that never change. */
function inventoryOf(containers: readonly Container[]): Inventory {
  return {
    start: async () => {},
    containers: () => containers,
    get: (id) => containers.find((container) => container.id === id),
    connected: () => true,
    onChange: () => () => {},
    onConnection: () => () => {},
    resync: async () => {},
    close: async () => {},
  };
}
