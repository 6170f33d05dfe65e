import { createStyle, type Style, wantsColour } from '../report/style.ts';

/** What a verb may do to the outside: data to `out`, progress and errors to `err`. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** For `out`. */
  style: Style;
  /** Aborted by Ctrl-C or SIGTERM, from the first call on: before it they end the process as usual. */
  interrupted(): AbortSignal;
}

/** This process's own streams. A reader that goes away (`squall get all | head`) ends the process without a word, a full disk with one. */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      if (stream === process.stdout)
        process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
      process.exit(1);
    });
  }
  let controller: AbortController | undefined;
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    style: createStyle(wantsColour(process.env, process.stdout.isTTY === true)),
    interrupted: () => {
      if (controller) return controller.signal;
      const fresh = new AbortController();
      controller = fresh;
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => fresh.abort(signal));
      return fresh.signal;
    },
  };
}

/** Resolves once all that was written has left: a pipe takes 64 KiB at a time, and what is still here ends with the process. */
export async function flush(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}

/** What a shell says of a process that ended by this signal. */
export function signalExit(signal: AbortSignal): number {
  return signal.reason === 'SIGTERM' ? 143 : 130;
}
