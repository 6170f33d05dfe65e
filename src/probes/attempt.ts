import { stopwatch } from '../core/clock.ts';
import { durationMs } from '../core/duration.ts';
import type { ProbeSpec } from '../core/kinds.ts';
import { probeKind } from './index.ts';
import { DEFAULT_TIMEOUT, down, type ProbeContext, type ProbeResult, type Seen } from './probe.ts';
import { errorText } from './text/excerpt.ts';

/**
 * One try of a probe, ended at its timeout, or when `signal` is aborted. Never rejects: whatever goes wrong, the probe does not hold. That
 * covers a kind that this version does not know, which an older version's journal may hold.
 */
export async function attemptProbe(
  spec: ProbeSpec,
  context: ProbeContext,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  const elapsed = stopwatch();
  const timeout = spec.timeout ?? DEFAULT_TIMEOUT;
  const ender = new AbortController();
  let cause: 'timeout' | 'stopped' | undefined;
  const end = (why: 'timeout' | 'stopped') => {
    cause ??= why;
    ender.abort();
  };
  const stop = () => end('stopped');
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const cancel = context.clock.after(durationMs(timeout), () => end('timeout'));
  try {
    const seen = await firstOf(tryOnce(spec, context, ender.signal), ender.signal);
    if (cause === undefined) return { ...seen, took: elapsed() };
    return { up: false, message: cutShort(cause, timeout, seen), took: elapsed() };
  } finally {
    cancel();
    signal?.removeEventListener('abort', stop);
  }
}

async function tryOnce(spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<Seen> {
  if (signal.aborted) return down('');
  try {
    return await probeKind(spec.type).attempt(spec, context, signal);
  } catch (error) {
    return down(errorText(error));
  }
}

/** What the try saw; once the signal is aborted it has a moment to say so, and is not waited for. */
function firstOf(tried: Promise<Seen>, signal: AbortSignal): Promise<Seen> {
  const gaveUp = new Promise<Seen>((resolve) => {
    const giveUp = () => setImmediate(resolve, down(''));
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
  return Promise.race([tried, gaveUp]);
}

function cutShort(cause: 'timeout' | 'stopped', timeout: string, { message }: Seen): string {
  if (cause === 'stopped') return 'stopped before it had a result';
  return message === '' ? `no result within ${timeout}` : `no result within ${timeout}: ${message}`;
}
