import type { ExecResult } from '../../src/runtime/exec.ts';
import type { Netns } from '../../src/runtime/netns.ts';

/** What was run, as a line, and what it was given to read. */
export interface Run {
  command: string;
  stdin: string | undefined;
}

/** A namespace in which programs do nothing but say what `script` has them say. `files`: those of /proc/PID/net. */
export function scriptedNetns(
  script: (run: Run) => Partial<ExecResult>,
  files: Readonly<Record<string, string>> = {},
): { ns: Netns; runs: Run[] } {
  const runs: Run[] = [];
  const ns: Netns = {
    inode: 4_026_531_999,
    run: async (program, args, stdin) => {
      const one = { command: [program, ...args].join(' '), stdin };
      runs.push(one);
      return { code: 0, stdout: '', stderr: '', ...script(one) };
    },
    procNet: async (file) => files[file] ?? '',
  };
  return { ns, runs };
}
