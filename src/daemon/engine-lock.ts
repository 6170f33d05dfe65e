import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hash } from '../core/canonical.ts';
import { SquallError } from '../core/errors.ts';
import { type HeldLock, takeLock } from '../journal/lock.ts';

/**
 * One daemon an engine, unless each is given a name of its own by `--instance`. Throws SQ304 where another has it. The lock lives
 * beside the engine, not in the state directory; daemons that don't share a /run don't see each other's (their marks still do).
 */
export function lockEngine(engineId: string, instance: string | undefined): HeldLock {
  const root = process.getuid?.() === 0 ? '/run/squall' : join(tmpdir(), `squall-${process.getuid?.() ?? 0}`);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const name = `engine-${hash(engineId, 12)}${instance ? `-${hash(instance, 12)}` : ''}.lock`;
  const held = takeLock(join(root, name));
  if (held) return held;
  throw new SquallError(
    'SQ304',
    `another Squall daemon ${instance ? `named ${instance} ` : ''}runs on this engine`,
    {
      hint: 'Stop it, or give this one a name of its own: --instance NAME',
    },
  );
}
