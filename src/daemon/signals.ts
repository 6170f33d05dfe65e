/** Resolves with the first SIGTERM or SIGINT. The next one ends the process at once, as if nobody listened. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}
