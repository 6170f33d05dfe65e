import { systemClock } from '../../core/clock.ts';
import type { Container } from '../../core/types.ts';

/** ms. */
const LIMIT = 1000;

/**
 * What runs on the engine, read within a second; undefined where none answers by then. Throws SQ501 where the address is none.
 */
export async function lookAround(host: string | undefined): Promise<Container[] | undefined> {
  const { createDocker } = await import('../../runtime/docker.ts');
  const engine = createDocker(host === undefined ? {} : { host });
  let cancel = () => {};
  const limit = new Promise<undefined>((resolve) => {
    cancel = systemClock.after(LIMIT, () => resolve(undefined));
  });
  try {
    return await Promise.race([engine.list().catch(() => undefined), limit]);
  } finally {
    cancel();
    engine.close();
  }
}
