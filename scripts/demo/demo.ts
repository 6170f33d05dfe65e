import { openPair } from '../../bench/pair.ts';
import { createStyle, wantsColour } from '../../src/report/style.ts';
import { createScreen } from './screen.ts';
import { openStage } from './stage.ts';
import { SHOP, tell } from './story.ts';

/** Tells the story on real containers and takes all of it away again, also on Ctrl-C and where a step fails. Gives the exit code. */
async function main(): Promise<number> {
  const colour = wantsColour(process.env, process.stdout.isTTY === true);
  if (colour) process.env.FORCE_COLOR = '1'; // for what squall prints through this process
  const screen = createScreen(process.stdout, createStyle(colour));
  const ender = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    ender.signal.addEventListener('abort', () => reject(new Error(`interrupted by ${ender.signal.reason}`)));
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => ender.abort(signal));

  screen.title('Squall: a real daemon, two real containers, real packets');
  const opening = [openPair(SHOP), openStage()] as const;
  const telling = Promise.all(opening).then(([pair, stage]) =>
    tell({ screen, stage, pair, check: () => ender.signal.throwIfAborted() }),
  );
  const told = await Promise.race([telling, interrupted]).then(() => undefined, asError);
  if (told) screen.failed(told.message);
  const closed = await Promise.allSettled(opening.map(async (opened) => (await opened).close()));
  if (told) return 1;
  const [problem] = closed.flatMap((one) => (one.status === 'rejected' ? [asError(one.reason)] : []));
  if (problem) screen.failed(problem.message);
  else screen.shown('daemon, sentinel, containers, network and files are gone again');
  return problem ? 1 : 0;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

process.exit(await main());
