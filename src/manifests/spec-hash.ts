import { canonical, hash } from '../core/canonical.ts';
import type { AnyManifest } from '../core/kinds.ts';

/** What a generation is counted by: SHA-256 of the canonical spec without `suspend`. */
export function specHash(spec: AnyManifest['spec']): string {
  const { suspend: _, ...rest } = spec as { suspend?: boolean };
  return hash(canonical(rest));
}
