import {
  type Document,
  isDocument,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
} from 'yaml';
import type { Json } from '../core/canonical.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Source } from '../core/types.ts';
import { DocumentTooBig, readNode, UnreadableNode } from './node.ts';
import type { PathStep, Problem } from './problem.ts';

/** Bytes of a file. */
export const MAX_FILE_BYTES = 1024 * 1024;
/** Documents of a file. */
export const MAX_DOCUMENTS = 1000;

/** One document of a file: plain data, and where each part of it stands. */
export interface ParsedDocument {
  source: Source;
  value: Json;
  /** Where the key or the value of a field stands; the nearest parent that exists, for a field that does not. */
  position(path: readonly PathStep[], part: 'key' | 'value'): { line: number; column: number };
}

export interface ParseResult {
  /** Without empty ones. None where the text does not parse: half a file is never taken. */
  documents: ParsedDocument[];
  problems: Problem[];
}

/** Bytes -> documents. Never throws, whatever the bytes. */
export function parseBytes(file: string, bytes: Uint8Array): ParseResult {
  const refuse = (code: ErrorCode, message: string, hint: string): ParseResult => ({
    documents: [],
    problems: [{ code, severity: 'error', file, line: 1, column: 1, path: '', message, hint }],
  });
  if (bytes.byteLength > MAX_FILE_BYTES) return tooBig(file, bytes.byteLength);
  try {
    return parseManifests(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refuse('SQ101', 'expected UTF-8 text, found other bytes', 'Save the file as UTF-8');
  }
}

/** The problem of a file that is over MAX_FILE_BYTES, so that it need not be read to be refused. */
export function tooBig(file: string, bytes: number): ParseResult {
  const message = `expected a file of at most ${MAX_FILE_BYTES} bytes, found ${bytes}`;
  const hint = 'Split it into several files';
  return {
    documents: [],
    problems: [{ code: 'SQ105', severity: 'error', file, line: 1, column: 1, path: '', message, hint }],
  };
}

/**
 * Text (YAML 1.2, of which JSON is a part) -> documents with places. Aliases work, merge keys and YAML 1.1 do not. A file where
 * one document does not parse gives none: where the next one begins is a guess then. Never throws.
 */
export function parseManifests(file: string, text: string): ParseResult {
  const lines = new LineCounter();
  const problem = (code: ErrorCode, offset: number, message: string, hint?: string, path = ''): Problem => {
    const { line, col } = lines.linePos(offset);
    const base = { code, severity: 'error' as const, file, line: line || 1, column: col || 1, path, message };
    return hint === undefined ? base : { ...base, hint };
  };
  if (onlyDirectives(text)) {
    return { documents: [], problems: [problem('SQ101', 0, 'expected a document, found directives alone')] };
  }
  let parsed: Document[];
  try {
    parsed = composeAll(text, lines);
  } catch (error) {
    // yaml(1) turns a stack overflow into an error of the document nearly everywhere; this is for the rest
    return { documents: [], problems: [problem('SQ105', 0, `cannot be read: ${(error as Error).message}`)] };
  }
  if (parsed.length > MAX_DOCUMENTS) {
    const offset = parsed[MAX_DOCUMENTS]?.range?.[0] ?? 0;
    const message = `expected at most ${MAX_DOCUMENTS} documents in a file, found ${parsed.length}`;
    return { documents: [], problems: [problem('SQ105', offset, message, 'Split it into several files')] };
  }
  const documents: ParsedDocument[] = [];
  const problems: Problem[] = [];
  for (const document of parsed) {
    const syntax = syntaxProblem(document);
    if (syntax !== undefined) {
      problems.push(problem(syntax.code, syntax.offset, syntax.message, syntax.hint));
      continue;
    }
    try {
      const value = readNode(document.contents);
      if (value === null) continue;
      documents.push(placed(file, document, value, lines));
    } catch (error) {
      if (!(error instanceof UnreadableNode)) throw error;
      const code = error instanceof DocumentTooBig ? 'SQ105' : 'SQ101';
      problems.push(problem(code, error.offset, error.message, error.hint, error.path));
    }
  }
  return problems.length > 0 ? { documents: [], problems } : { documents, problems };
}

function composeAll(text: string, lineCounter: LineCounter): Document[] {
  const parsed = parseAllDocuments(text, {
    lineCounter,
    version: '1.2',
    merge: false,
    prettyErrors: false,
    logLevel: 'silent',
    // checked by readNode instead: the library compares each key with each other one, 15 s for 50,000 of them
    uniqueKeys: false,
  });
  return [...parsed] as Document[];
}

/** The library sees no document in these, and so no error: but a file that holds something was not emptied. */
function onlyDirectives(text: string): boolean {
  return /^%/m.test(text) && !/^(?!%|\s*(#|$))/m.test(text);
}

interface SyntaxProblem {
  code: ErrorCode;
  offset: number;
  message: string;
  hint?: string;
}

/** The first one only: those after it are mostly its consequences. */
function syntaxProblem(document: Document): SyntaxProblem | undefined {
  const error = document.errors[0];
  if (error?.code === 'RESOURCE_EXHAUSTION')
    return { code: 'SQ105', offset: error.pos[0], message: 'nested too deeply', hint: 'Flatten it' };
  const fault = error ?? document.warnings[0];
  if (fault !== undefined) return { code: 'SQ101', offset: fault.pos[0], message: lowerFirst(fault.message) };
  if (document.directives?.yaml.explicit && document.directives.yaml.version !== '1.2') {
    const message = `expected YAML 1.2, found the directive %YAML ${document.directives.yaml.version}`;
    return { code: 'SQ101', offset: document.range?.[0] ?? 0, message, hint: 'Remove the directive' };
  }
  return undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function placed(file: string, document: Document, value: Json, lines: LineCounter): ParsedDocument {
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: line || 1, column: col || 1 };
  };
  const start = at(document.contents?.range?.[0] ?? document.range?.[0] ?? 0);
  return {
    source: { file, ...start },
    value,
    position: (path, part) => at(offsetOf(document, path, part)),
  };
}

/** Walks down as far as the nodes go. An alias ends the walk: the place to mend is where it is used. */
function offsetOf(document: Document, path: readonly PathStep[], part: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let key: unknown;
  for (const step of path) {
    const next = child(node, step);
    if (next === undefined) return startOf(key) ?? startOf(node) ?? 0;
    key = next.key ?? next.value;
    node = next.value;
  }
  return (part === 'key' ? startOf(key) : undefined) ?? startOf(node) ?? startOf(key) ?? 0;
}

function child(node: unknown, step: PathStep): { key: unknown; value: unknown } | undefined {
  if (isSeq(node) && typeof step === 'number') {
    return step < node.items.length ? { key: undefined, value: node.items[step] } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
}

function startOf(node: unknown): number | undefined {
  return isNode(node) && !isDocument(node) ? node.range?.[0] : undefined;
}
