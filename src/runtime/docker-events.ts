import type { IncomingMessage } from 'node:http';
import type Dockerode from 'dockerode';

/** Something that happened to a container: its own event, or a network's that tells of the container. */
export interface EngineEvent {
  type: 'container' | 'network';
  /** As the engine names it: `start`, `die`, `health_status: healthy`, `connect`. */
  action: string;
  /** Id of the container. */
  id: string;
  attributes: Readonly<Record<string, string>>;
  /** ms since the epoch, by the engine's clock, with fractions. */
  time: number;
}

/** An open subscription. */
export interface EngineEvents {
  /** Settles when the stream has ended, for whatever reason; never rejects. */
  closed: Promise<void>;
}

/** exec_* (each healthcheck makes three) stay at the engine. */
const ACTIONS = [
  ...['create', 'start', 'die', 'stop', 'kill', 'oom', 'pause', 'unpause', 'restart', 'rename', 'update'],
  ...['destroy', 'health_status', 'connect', 'disconnect'],
];

interface Following {
  listener: (event: EngineEvent) => void;
  abortSignal: AbortSignal;
  /** ms since the epoch: from where on events are told again. */
  since: number;
}

/**
 * Subscribes. The engine answers before it subscribes (its getEvents flushes the header first), so without `since` an event in that
 * moment would be lost.
 */
export async function followEvents(
  client: Dockerode,
  { listener, abortSignal, since }: Following,
): Promise<EngineEvents> {
  const stream = (await client.getEvents({
    filters: { type: ['container', 'network'], event: ACTIONS },
    since: (since / 1000).toFixed(3) as unknown as number, // digits after the point, never an exponent
    abortSignal,
  })) as IncomingMessage;
  stream.socket.setKeepAlive(true, 10_000); // a remote engine that vanishes without a word
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.on('error', () => {}); // `close` follows
  abortSignal.addEventListener('abort', () => stream.destroy(), { once: true });
  if (abortSignal.aborted) stream.destroy();
  stream.setEncoding('utf8');
  let rest = '';
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = toEvent(line);
      if (event) listener(event);
    }
  });
  return { closed };
}

interface RawEvent {
  Type?: string;
  Action?: string;
  Actor?: { ID?: string; Attributes?: Record<string, string> };
  time?: number;
  timeNano?: number;
}

/** One line of the stream; undefined where it tells of no container. */
export function toEvent(line: string): EngineEvent | undefined {
  const raw = parse(line);
  const { Type: type, Action: action = '', Actor } = raw ?? {};
  if (type !== 'container' && type !== 'network') return undefined;
  if (action.startsWith('exec_')) return undefined;
  const attributes = Actor?.Attributes ?? {};
  const id = type === 'container' ? Actor?.ID : attributes.container;
  if (!id) return undefined;
  const time = raw?.timeNano ? raw.timeNano / 1e6 : (raw?.time ?? 0) * 1000;
  return { type, action, id, attributes, time };
}

function parse(line: string): RawEvent | undefined {
  try {
    return JSON.parse(line) as RawEvent;
  } catch {
    return undefined; // an empty line, or one cut off by the end of the stream
  }
}
