import { SquallError } from '../../src/core/errors.ts';
import type { SquallEvent } from '../../src/core/types.ts';
import type { Control, Health, HoldResult } from '../../src/server/control.ts';

/** A control that notes what it was asked, and answers as told. */
export interface ScriptedControl extends Control {
  calls: string[];
  healthy: boolean;
  left: HoldResult['left'];
  /** Tells the listeners; the event must be in the journal. */
  emit(event: SquallEvent): void;
  listeners: number;
}

export function scriptedControl(): ScriptedControl {
  const listeners = new Set<(event: SquallEvent) => void>();
  const act = async (what: string, name: string): Promise<HoldResult> => {
    control.calls.push(`${what} ${name}`);
    if (name === 'nobody')
      throw new SquallError('SQ502', 'no experiment is called "nobody"', {
        hint: 'Did you mean "somebody"?',
      });
    return { experiments: [name], left: control.left };
  };
  const control: ScriptedControl = {
    calls: [],
    healthy: true,
    left: [],
    run: async (name) => {
      if (name === 'held') throw new SquallError('SQ207', 'held is halted', { hint: 'squall resume held' });
      await act('run', name);
      return { run: `${name}-7` };
    },
    halt: (name) => act('halt', name),
    suspend: (name) => act('suspend', name),
    resume: (name) => act('resume', name),
    health: (): Health => ({
      ready: control.healthy,
      checks: [
        { name: 'engine', ok: control.healthy, message: control.healthy ? 'connected' : 'not connected' },
      ],
      version: '1.2.3',
      instance: '0123abcd',
      halted: false,
    }),
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    emit: (event) => {
      for (const listener of listeners) listener(event);
    },
    get listeners() {
      return listeners.size;
    },
  };
  return control;
}
