import { durationMs } from '../core/duration.ts';
import { SquallError } from '../core/errors.ts';
import type { Container, Effect, FaultSpec } from '../core/types.ts';
import { findInit, signalInit } from '../runtime/process.ts';
import { parseSignal, SIGKILL } from '../runtime/signals.ts';
import {
  LIFECYCLE,
  observeLifecycle,
  recoverLifecycle,
  refuseAutoRemove,
  requireRunning,
  undoOf,
} from './container/lifecycle.ts';
import type { FaultContext, FaultKind } from './fault.ts';

const DESCRIPTION = `Sends a signal to the target's init, once or every so often. With \`via: process\` the signal comes from the host, as a crash or the
kernel's OOM killer would end it: the engine's restart policy acts. This needs Squall in the host's pid namespace (\`pid: host\`). With \`via: engine\`
it is \`docker kill\`, which cancels restart policies: the target stays down.

A signal that the init ignores does nothing, and is no error. With \`every\` a target that is down when its time comes is not struck.

At the end the target is to be running, and healthy where it has a healthcheck (unless it was unhealthy before), whoever started it: Squall
does where the restart policy has not by the deadline, after 2 s in which the policy may still act. A process that handles the signal gets up to
10 s from it to end before it is taken to go on. Containers with AutoRemove (\`--rm\`) are refused, as are those that are paused or not running.`;

/** ms between strikes, at least. */
const EVERY_MIN = 1000;
/** ms a process that handles a signal may take to end, as with \`docker stop\`. */
const SETTLE_HANDLED = 10_000;
/** ms until the engine has noticed the end of a process. */
const SETTLE = 1000;
/** ms that an injection waits for the end of the incarnation that it killed. */
const DOWN_LIMIT = 5000;
const DOWN_LOOK = 20;
const RESTARTING_POLICIES = ['always', 'unless-stopped', 'on-failure'];

/** Ends, or signals, the target's init. */
export const containerKill: FaultKind = {
  type: 'container-kill',
  summary: "Signals the target's init, once or repeatedly.",
  description: DESCRIPTION,
  schema: {
    type: 'object',
    properties: {
      signal: {
        type: ['string', 'integer'],
        format: 'signal',
        minimum: 1,
        maximum: 64,
        default: 'SIGKILL',
        description:
          "What is sent to the container's init: a name, with or without `SIG`, or a number (real-time signals go by number). STOP, TSTP, TTIN and TTOU are left out: use `container-pause`.",
      },
      via: {
        type: 'string',
        enum: ['process', 'engine'],
        default: 'process',
        description:
          '`process`: from the host, so that restart policies act. `engine`: `docker kill`, which cancels them.',
      },
      every: {
        type: 'string',
        format: 'interval',
        description: 'Time (Go duration, 1s at least) between strikes. Without it there is one.',
      },
    },
  },
  example: { type: 'container-kill', signal: 'SIGKILL', every: '30s' },
  nature: 'act',
  endedBy: 'sentinel',
  entersNetwork: false,
  uses: () => [LIFECYCLE],
  interval,
  problems,
  resolve: (fault, target) => {
    refuseAutoRemove('container-kill', target);
    const [problem] = problems(fault);
    if (problem) throw new SquallError('SQ208', `container-kill: ${problem}`);
    return { signal: signalOf(fault), via: viaOf(fault) };
  },
  prepare: async (context, effect, target) => {
    const container = await requireRunning(context, target);
    const policyActs =
      viaOf(effect.fault) === 'process' && RESTARTING_POLICIES.includes(container.restartPolicy);
    return undoOf(container, effect, { policyActs, settle: settleOf(container, effect.fault) });
  },
  inject,
  observe: observeLifecycle,
  recover: recoverLifecycle,
};

function problems({ signal = SIGKILL, every }: FaultSpec): string[] {
  const found: string[] = [];
  if (parseSignal(signal) === undefined)
    found.push(`signal ${signal} cannot be sent: use container-pause to stop processes for a while`);
  if (typeof every === 'string' && durationMs(every) < EVERY_MIN)
    found.push(`every ${every} is too often: give it 1s at least`);
  return found;
}

function interval(fault: FaultSpec): number | undefined {
  return typeof fault.every === 'string' ? Math.max(durationMs(fault.every), EVERY_MIN) : undefined;
}

function viaOf(fault: FaultSpec): 'process' | 'engine' {
  return fault.via === 'engine' ? 'engine' : 'process';
}

/** Of a fault whose problems were refused. */
function signalOf(fault: FaultSpec): number {
  const signal = parseSignal(fault.signal ?? SIGKILL);
  if (signal === undefined) throw new TypeError(`not a signal: ${JSON.stringify(fault.signal)}`);
  return signal;
}

/** How long the container may take to go down. Throws as `findInit` does where its init must be signalled and can't. */
function settleOf(container: Container, fault: FaultSpec): number {
  const signal = signalOf(fault);
  try {
    const init = findInit(container);
    return signal !== SIGKILL && init.handles(signal) ? SETTLE_HANDLED : SETTLE;
  } catch (error) {
    if (viaOf(fault) === 'process') throw error;
    return signal === SIGKILL ? SETTLE : SETTLE_HANDLED; // a remote engine: what the process will do can't be seen
  }
}

async function inject(context: FaultContext, effect: Effect): Promise<void> {
  const { docker, log } = context;
  const { id, name } = effect.target;
  const container = await docker.inspect(id);
  if (container?.state !== 'running') {
    log.info(
      { container: name, state: container?.state ?? 'gone' },
      'not struck: the container is not running',
    );
    return;
  }
  // struck already, and running again; with \`every\` another strike is due all the same
  if (effect.fault.every === undefined && container.startedAt !== effect.incarnation) return;
  const signal = signalOf(effect.fault);
  if (viaOf(effect.fault) === 'process') signalInit(container, signal);
  else await docker.kill(id, `${signal}`);
  if (signal === SIGKILL) await down(context, container);
}

/** Waits until the engine has noticed: a recovery that begins right now must not find the dead running. */
async function down({ docker, clock }: FaultContext, { id, startedAt }: Container): Promise<void> {
  const end = clock.boot() + DOWN_LIMIT;
  while (clock.boot() < end) {
    const now = await docker.inspect(id);
    if (now?.state !== 'running' || now.startedAt !== startedAt) return;
    await new Promise<void>((resolve) => clock.after(DOWN_LOOK, resolve));
  }
}
