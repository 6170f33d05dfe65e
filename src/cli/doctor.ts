import type { Command } from 'commander';
import { statePaths } from '../daemon/paths.ts';
import { formatDoctor } from '../report/doctor.ts';
import { formatJson } from '../report/json.ts';
import type { Check } from '../runtime/doctor-check.ts';
import { stateDir } from './context.ts';
import { judgeFaults } from './fault-verdicts.ts';
import type { Io } from './io.ts';
import { dockerHostOption, outputOption, stateOption } from './options.ts';
import { action, type Cli } from './verb.ts';

interface DoctorOptions {
  state?: string;
  dockerHost?: string;
  output: 'text' | 'json';
}

export function addDoctor(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .description('tell what this host can do, fault by fault, and how to mend what is missing')
    .addOption(outputOption(['text', 'json']))
    .addOption(stateOption())
    .addOption(dockerHostOption())
    .addHelpText(
      'after',
      '\nExit code 1 where not even faults of containers as a whole (kill, stop, pause,\nrestart) would work.',
    )
    .action(action(cli, doctor));
}

async function doctor(io: Io, options: DoctorOptions): Promise<number> {
  const { FAULTS } = await import('../faults/index.ts');
  const checks = await examine(options);
  const faults = judgeFaults(FAULTS, checks);
  io.out(options.output === 'json' ? formatJson({ checks, faults }) : formatDoctor(checks, faults, io.style));
  const basic = FAULTS.filter(({ entersNetwork }) => !entersNetwork).map(({ type }) => type);
  return faults.some(({ fault, state }) => state === 'missing' && basic.includes(fault)) ? 1 : 0;
}

async function examine({ state, dockerHost }: DoctorOptions): Promise<Check[]> {
  const { createDocker } = await import('../runtime/docker.ts');
  const { checkEngine } = await import('../runtime/doctor-engine.ts');
  const { checkHost } = await import('../runtime/doctor-host.ts');
  const { checkNetfilter } = await import('../runtime/doctor-netfilter.ts');
  const { checkShaping } = await import('../runtime/doctor-shaping.ts');
  const { checkClock, checkSentinel, checkState } = await import('../runtime/doctor-state.ts');
  const { dir, lock, sentinelLock } = statePaths(stateDir(state));
  const engine = createDocker(dockerHost === undefined ? {} : { host: dockerHost });
  try {
    const [fromEngine, fromHost] = await Promise.all([checkEngine(engine), checkHost()]);
    const canMakeNamespaces = fromHost.some(({ id, state }) => id === 'namespaces' && state === 'ok');
    const tried = await Promise.all([checkNetfilter(canMakeNamespaces), checkShaping(canMakeNamespaces)]);
    const rest = [...checkState(dir), checkClock(), checkSentinel({ daemon: lock, sentinel: sentinelLock })];
    return [...fromEngine, ...fromHost, ...tried.flat(), ...rest];
  } finally {
    engine.close();
  }
}
