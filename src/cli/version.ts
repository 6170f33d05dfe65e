import { readFileSync } from 'node:fs';

/** The package's version. Its package.json stands two folders up both from src and from dist. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
