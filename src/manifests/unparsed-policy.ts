import { basename } from 'node:path';
import type { Source } from '../core/types.ts';
import { LONGEST_NAME } from './schema.ts';

const KIND = /^[^#\n]*\bkind["']?\s*:\s*["']?Policy\b/m;
const NAME = /\bname["']?\s*:\s*["']?([a-z0-9]([-a-z0-9]*[a-z0-9])?)/;

/** A Policy in a file that does not parse. */
export interface UnparsedPolicy {
  /** As far as it can be told; else made of the file's name. */
  name: string;
  source: Source;
}

/** Whether the text was meant to hold a Policy. A slip of the indentation must not make as if there was none. */
export function unparsedPolicy(file: string, bytes: Uint8Array): UnparsedPolicy | undefined {
  const text = new TextDecoder().decode(bytes);
  const found = KIND.exec(text);
  if (!found) return undefined;
  const name = NAME.exec(text.slice(found.index + found[0].length))?.[1] ?? nameOf(file);
  return { name: name.slice(0, LONGEST_NAME), source: { file, line: 1, column: 1 } };
}

function nameOf(file: string): string {
  const words = basename(file)
    .toLowerCase()
    .replace(/\.(yaml|yml|json)$/, '')
    .split(/[^a-z0-9]+/);
  return words.filter((word) => word !== '').join('-') || 'unnamed';
}
