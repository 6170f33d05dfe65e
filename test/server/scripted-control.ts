import { SquallError } from '../../src/core/errors.ts';
import { type Kind, parseObjectId } from '../../src/core/kinds.ts';
import type { SquallEvent } from '../../src/core/types.ts';
import type { ActId, Control, GitState, Health, HoldResult } from '../../src/server/control.ts';

/** A control that notes what it was asked, and answers as told. */
export interface ScriptedControl extends Control {
  calls: string[];
  healthy: boolean;
  left: HoldResult['left'];
  git: GitState | undefined;
  /** Tells the listeners; the event must be in the journal. */
  emit(event: SquallEvent): void;
  listeners: number;
}

export function scriptedControl(): ScriptedControl {
  const listeners = new Set<(event: SquallEvent) => void>();
  const act = async (act: string, what: ActId | 'all'): Promise<HoldResult> => {
    control.calls.push(`${act} ${what}`);
    const { kind, name } = what === 'all' ? {} : parseObjectId(what);
    if (name === 'nobody')
      throw new SquallError('SQ502', 'no experiment is called "nobody"', {
        hint: 'Did you mean "somebody"?',
      });
    const names = (of: Kind) => (kind === of && name !== undefined ? [name] : []);
    return {
      experiments: names('Experiment'),
      schedules: names('Schedule'),
      scenarios: names('Scenario'),
      left: control.left,
    };
  };
  const control: ScriptedControl = {
    calls: [],
    healthy: true,
    left: [],
    git: undefined,
    run: async (id) => {
      const { name } = parseObjectId(id);
      if (name === 'held') throw new SquallError('SQ207', 'held is halted', { hint: 'squall resume held' });
      await act('run', id);
      return { run: `${name}-7`, object: id };
    },
    halt: (what) => act('halt', what),
    suspend: (what) => act('suspend', what),
    resume: (what) => act('resume', what),
    sync: async () => {
      control.calls.push('sync');
      if (!control.git) throw new SquallError('SQ502', 'this daemon follows no repository');
      return control.git;
    },
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
