/** Does one iteration after the other, until there were enough or somebody interrupts. */
export type Loop = (iteration: () => Promise<void>) => Promise<void>;

/** A loop that says on a terminal how far it is; an interruption ends it after the iteration that is under way. */
export function createLoop(part: string, count: number, signal: AbortSignal): Loop {
  const say = (text: string) => process.stderr.isTTY && process.stderr.write(text);
  return async (iteration) => {
    for (let done = 1; done <= count && !signal.aborted; done++) {
      await iteration();
      say(`\r${part} ${done}/${count}`);
    }
    say('\n');
  };
}
