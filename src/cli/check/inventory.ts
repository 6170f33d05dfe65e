import { readFile, stat } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { hash } from '../../core/canonical.ts';
import { SquallError } from '../../core/errors.ts';
import { LABEL_SERVICE } from '../../core/marks.ts';
import type { Container, ContainerState, Health } from '../../core/types.ts';
import { assumedAddress } from './assumed.ts';

/** A container as an inventory records it. Fields without a word of their own are left out where they are as usual. */
export interface InventoryItem {
  name: string;
  image: string;
  labels: Record<string, string>;
  /** Default `running`. */
  state?: ContainerState;
  /** Default `none`. */
  health?: Health;
  /** Names of the networks that it is on. */
  networks?: string[];
  /** `host`, `none`, or `container:NAME` where it lives in another's network namespace. */
  networkMode?: string;
  /** Default false. */
  autoRemove?: boolean;
}

/** A whole host, recorded: sorted by name, and the same bytes for the same containers, so that it can stand in a repository. */
export function inventoryOf(containers: readonly Container[]): InventoryItem[] {
  const names = new Map(containers.map(({ id, name }) => [id, name]));
  return containers.map((one) => itemOf(one, names)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function itemOf(container: Container, names: ReadonlyMap<string, string>): InventoryItem {
  const { name, image, labels, state, health, attachments, networkMode, autoRemove } = container;
  const shared = names.get(networkMode.replace(SHARED, ''));
  const mode = networkMode.startsWith(SHARED)
    ? `${SHARED}${shared ?? networkMode.slice(SHARED.length)}`
    : networkMode;
  return {
    name,
    image,
    labels: Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))),
    ...(state !== 'running' && { state }),
    ...(health !== 'none' && { health }),
    networks: attachments.map(({ network }) => network),
    ...(/^(host$|none$|container:)/.test(mode) && { networkMode: mode }),
    ...(autoRemove && { autoRemove }),
  };
}

const SHARED = 'container:';

/** Bytes of an inventory at most: some 50,000 containers. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Reads an inventory. Rejects with SQ501 where there is none, or where it is not one. */
export async function readInventory(file: string): Promise<Container[]> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > MOST_BYTES) throw refuse(file, `it is larger than ${MOST_BYTES} bytes`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof SquallError) throw error;
    throw refuse(file, `it cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  return parseInventory(file, text);
}

/** Pure. Throws SQ501. */
export function parseInventory(file: string, text: string): Container[] {
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch (error) {
    throw refuse(file, `it is no JSON: ${(error as Error).message}`);
  }
  const problem = problemOf(items);
  if (problem !== undefined) throw refuse(file, problem);
  const known = items as InventoryItem[];
  const twice = [...Map.groupBy(known, ({ name }) => name)].find(([, all]) => all.length > 1);
  if (twice) throw refuse(file, `two containers are called ${twice[0]}`);
  return known.map(containerOf);
}

function refuse(file: string, why: string): SquallError {
  return new SquallError('SQ501', `${file} is no inventory: ${why}`, {
    hint: '`squall inventory` on the Docker host writes one',
  });
}

/** Ids and addresses are made up: no two containers have the same. */
function containerOf(item: InventoryItem, index: number): Container {
  const { name, image, labels, state = 'running', health = 'none', networks = [] } = item;
  const service = labels[LABEL_SERVICE];
  const aliases = service === undefined ? [name] : [name, service];
  const mode = item.networkMode ?? networks[0] ?? 'default';
  return {
    id: hash(name),
    name,
    image,
    labels,
    state,
    health,
    pid: state === 'running' || state === 'paused' ? ANY_PID : 0,
    startedAt: '',
    attachments: networks.map((network) => ({ network, ip4: assumedAddress(19, index + 1), aliases })),
    networkMode: mode.startsWith(SHARED) ? `${SHARED}${hash(mode.slice(SHARED.length))}` : mode,
    autoRemove: item.autoRemove ?? false,
    restartPolicy: 'no',
    resolvConfPath: '',
    hostsPath: '',
  };
}

/** That there is a process is all that matters. */
const ANY_PID = 1;

const TEXT = { type: 'string' };
const SCHEMA = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      name: { ...TEXT, minLength: 1 },
      image: TEXT,
      labels: { type: 'object', additionalProperties: TEXT },
      state: { enum: ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] },
      health: { enum: ['none', 'starting', 'healthy', 'unhealthy'] },
      networks: { type: 'array', items: TEXT },
      networkMode: TEXT,
      autoRemove: { type: 'boolean' },
    },
    required: ['name', 'image', 'labels'],
  },
};

/** What is wrong, with its place: `at /3/state: must be ...`. */
function problemOf(items: unknown): string | undefined {
  const check = new Ajv2020({ strict: true }).compile(SCHEMA);
  if (check(items)) return undefined;
  const [error] = check.errors ?? [];
  if (!error) return 'it does not match its schema';
  const { instancePath, message = 'is wrong', params } = error;
  const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : '';
  return `${instancePath === '' ? 'the whole' : `at ${instancePath}`} ${message}${allowed}`;
}
