import { isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode, type YAMLMap } from 'yaml';
import type { Json } from '../core/canonical.ts';
import { formatPath, type PathStep } from './problem.ts';

/** Levels of a document. */
export const MAX_DEPTH = 64;
/** Uses of anchors in a document. */
export const MAX_ALIASES = 100;
/** Values of a document, each use of an anchor counted in full: what an alias bomb runs into. */
export const MAX_VALUES = 200_000;

/** A node that gives no plain data. `offset` is where, in UTF-16 units from the start of the file. */
export class UnreadableNode extends Error {
  readonly offset: number;
  readonly path: string;
  readonly hint: string | undefined;

  constructor(node: Node | null | undefined, path: readonly PathStep[], message: string, hint?: string) {
    super(message);
    this.offset = node?.range?.[0] ?? 0;
    this.path = formatPath(path);
    this.hint = hint;
  }
}

/** A document over one of the limits above. */
export class DocumentTooBig extends UnreadableNode {}

interface Reading {
  path: PathStep[];
  anchors: Map<string, Node>;
  /** Anchors being read right now: one that holds an alias of itself has no end. */
  open: Set<string>;
  aliases: number;
  values: number;
}

/**
 * A node as plain data. Not the library's own `toJS`: this one knows the limits, finds a key that stands twice in linear time, and
 * keeps a `__proto__` key a key.
 */
export function readNode(node: ParsedNode | Node | null): Json {
  return read(node, { path: [], anchors: new Map(), open: new Set(), aliases: 0, values: 0 });
}

function read(node: unknown, state: Reading): Json {
  if (node === null || node === undefined) return null;
  const here = node as Node;
  state.values += 1;
  if (state.values > MAX_VALUES) {
    throw new DocumentTooBig(here, state.path, `expected at most ${MAX_VALUES} values in a document`);
  }
  if (state.path.length > MAX_DEPTH) {
    throw new DocumentTooBig(here, [], `expected at most ${MAX_DEPTH} levels in a document, found more`);
  }
  if (isAlias(node)) return readAlias(node.source, here, state);
  const anchor = (node as { anchor?: string }).anchor;
  if (anchor !== undefined) {
    state.anchors.set(anchor, here);
    state.open.add(anchor);
  }
  const value = readContent(node, here, state);
  if (anchor !== undefined) state.open.delete(anchor);
  return value;
}

function readContent(node: unknown, here: Node, state: Reading): Json {
  if (isScalar(node)) return readScalar(node.value, here, state);
  if (isSeq(node)) return node.items.map((item, index) => step(state, index, () => read(item, state)));
  if (isMap(node)) return readMap(node, state);
  throw new UnreadableNode(here, state.path, 'expected plain data');
}

function readScalar(value: unknown, node: Node, state: Reading): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw new UnreadableNode(node, state.path, `expected a finite number, found ${value}`);
  }
  throw new UnreadableNode(node, state.path, 'expected text, a number, true, false or null');
}

function readMap(node: YAMLMap, state: Reading): Json {
  const result: { [key: string]: Json } = {};
  for (const pair of node.items) {
    const key = isScalar(pair.key) ? pair.key.value : undefined;
    if (typeof key !== 'string') {
      const hint = isScalar(pair.key) ? `Quote it: "${String(key)}"` : undefined;
      throw new UnreadableNode(pair.key as Node, state.path, 'expected a key that is text', hint);
    }
    if (Object.hasOwn(result, key)) {
      throw new UnreadableNode(
        pair.key as Node,
        [...state.path, key],
        'this key stands twice',
        'Keep one of them',
      );
    }
    const value = step(state, key, () => read(pair.value, state));
    Object.defineProperty(result, key, { value, enumerable: true, writable: true, configurable: true });
  }
  return result;
}

function readAlias(name: string, node: Node, state: Reading): Json {
  state.aliases += 1;
  if (state.aliases > MAX_ALIASES) {
    const message = `expected at most ${MAX_ALIASES} uses of anchors in a document, found more`;
    throw new DocumentTooBig(node, state.path, message, 'Write the values out');
  }
  const target = state.anchors.get(name);
  if (target === undefined) {
    throw new UnreadableNode(
      node,
      state.path,
      `*${name} stands for nothing`,
      `Define &${name} before it is used`,
    );
  }
  if (state.open.has(name)) throw new UnreadableNode(node, state.path, `*${name} stands inside itself`);
  return readContent(target, target, state);
}

function step<T>(state: Reading, at: PathStep, run: () => T): T {
  state.path.push(at);
  const result = run();
  state.path.pop();
  return result;
}
