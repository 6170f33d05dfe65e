import type { ProbeSpec } from '../../src/core/kinds.ts';
import type { ProbeContext } from '../../src/probes/probe.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { container, contextOf } from './support.ts';

/** What a try comes to; `hangs` until the timeout. */
export type Outcome = 'up' | 'down' | 'hangs';

/** A world in which a test says what each try of a probe comes to. */
export interface Scripted {
  readonly clock: FakeClock;
  readonly context: ProbeContext;
  /** A probe of this name. */
  spec(name: string, more?: Partial<ProbeSpec>): ProbeSpec;
  /** What tries of that probe come to from now on. Default `up`. */
  become(name: string, outcome: Outcome): void;
  /** When the tries of that probe began: ms since the start. */
  tries(name: string): number[];
  /** Tries that have begun and were neither answered nor ended. */
  open(): number;
}

export function scripted(): Scripted {
  const clock = new FakeClock();
  const start = clock.boot();
  const states = new Map<string, Outcome>();
  const tries = new Map<string, number[]>();
  let open = 0;
  const context = contextOf({
    clock,
    containers: () => [container('box')],
    exec: async (_, { command: [name = ''] }, signal) => {
      tries.set(name, [...(tries.get(name) ?? []), clock.boot() - start]);
      const state = states.get(name) ?? 'up';
      if (state !== 'hangs') return { code: state === 'up' ? 0 : 1, output: '' };
      open++;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      open--;
      throw new Error('ended');
    },
  });
  return {
    clock,
    context,
    spec: (name, more) => ({ type: 'exec', name, container: 'box', command: [name], ...more }),
    become: (name, state) => void states.set(name, state),
    tries: (name) => tries.get(name) ?? [],
    open: () => open,
  };
}
