import type { Style } from '../../src/report/style.ts';
import type { Pinger, Sample } from '../../test/lab/traffic.ts';

/** Where the story is told. */
export interface Screen {
  title(text: string): void;
  step(text: string): void;
  say(text: string): void;
  /** A command as a person would type it. */
  command(text: string): void;
  /** A file's or a program's text. */
  text(text: string): void;
  /** Something that was measured, and is as it should be. */
  shown(text: string): void;
  failed(text: string): void;
  /** Draws packets as they go, from now on. */
  packets(pings: Pinger): Packets;
}

/** Packets since `Screen.packets`. */
export interface Packets {
  /** Ends the drawing, `afterMs` later; with what was drawn. */
  end(afterMs?: number): Promise<readonly Sample[]>;
}

/** ms that one sign on the screen stands for. */
const CELL = 100;
const INDENT = '   ';

export function createScreen(out: NodeJS.WriteStream, style: Style): Screen {
  let steps = 0;
  const line = (text = '') => out.write(text === '' ? '\n' : `${INDENT}${text}\n`);
  return {
    title: (text) => void out.write(`\n ${style.bold(text)}\n`),
    step: (text) => {
      steps += 1;
      out.write(`\n ${style.bold(`${steps}  ${text}`)}\n`);
    },
    say: (text) => void line(text),
    command: (text) => void line(`${style.dim('$')} ${text}`),
    text: (text) => {
      for (const one of text.trimEnd().split('\n')) line(`${style.dim('│')} ${one}`);
    },
    shown: (text) => void line(`${style.good('✔')} ${text}`),
    failed: (text) => void line(`${style.bad('✖')} ${text}`),
    packets: (pings) => drawPackets(pings, out, style),
  };
}

function drawPackets(pings: Pinger, out: NodeJS.WriteStream, style: Style): Packets {
  const started = pings.samples().length;
  const from = Date.now();
  const seen = () => pings.samples().slice(started);
  const draw = () => out.write(`\r${INDENT}${cells(seen(), from, style)}`);
  const timer = out.isTTY ? setInterval(draw, CELL) : undefined;
  return {
    end: async (afterMs = 0) => {
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      clearInterval(timer);
      out.write(`${out.isTTY ? '\r' : ''}${INDENT}${cells(seen(), from, style)}\n`);
      return seen();
    },
  };
}

/** One sign for all packets of a tenth of a second: lost where one was. */
function cells(samples: readonly Sample[], from: number, style: Style): string {
  const grouped = Map.groupBy(samples, ({ sentAt }) => Math.floor((sentAt - from) / CELL));
  const last = Math.max(-1, ...grouped.keys());
  const signs = Array.from({ length: last + 1 }, (_, cell) => {
    const group = grouped.get(cell);
    if (!group) return ' ';
    return group.some(({ rttMs }) => rttMs === null) ? style.bad('✗') : style.good('▁');
  });
  return signs.join('');
}
