import { stringify } from 'yaml';
import { cutOff, type Pair, uniqueProject } from '../../bench/pair.ts';
import { formatTable } from '../../src/report/table.ts';
import type { Packets, Screen } from './screen.ts';
import type { Stage } from './stage.ts';

/** What the story needs; `check` throws where somebody interrupted it. */
export interface Story {
  screen: Screen;
  stage: Stage;
  pair: Pair;
  check(): void;
}

/** One line of the table at the end. */
interface Figure {
  what: string;
  ms: number;
}

/** The two containers. Nobody else's are of that project. */
export const SHOP = {
  name: 'demo',
  project: uniqueProject('shop'),
  client: 'web',
  server: 'db',
  intervalMs: 20,
};

const NAME = 'no-database';
const FILE = `${NAME}.yaml`;
/** ms for which packets are shown before something happens, and after. */
const MARGIN = 400;
/** ms: netfilter's time match counts whole seconds, and a busy machine adds to it. */
const KERNEL_LIMIT = 1200;

/** Tells the story; throws where a step does not show what it says. */
export async function tell(story: Story): Promise<void> {
  const figures: Figure[] = [];
  for (const chapter of [traffic, deadline, removal, nobody, aftermath]) {
    story.check();
    figures.push(...(await chapter(story)));
  }
  const columns = [
    { title: 'WHAT', value: ({ what }: Figure) => what },
    { title: 'MS', value: ({ ms }: Figure) => ms.toFixed(ms < 10 ? 1 : 0) },
  ];
  story.screen.step('What was measured, by the packets themselves');
  story.screen.text(formatTable(columns, figures));
}

async function traffic({ screen, stage, pair }: Story): Promise<Figure[]> {
  screen.step(
    `Two containers, and a packet from ${SHOP.client} to ${SHOP.server} every ${SHOP.intervalMs} ms`,
  );
  const packets = await screen.packets(pair.pings).end(1000);
  const times = packets.flatMap(({ rttMs }) => rttMs ?? []).sort((a, b) => a - b);
  const rtt = times[times.length >> 1] ?? Number.NaN;
  expect(times.length === packets.length && rtt > 0, 'all packets are answered before anything is done');
  screen.shown(`all ${packets.length} answered, round trip ${rtt.toFixed(2)} ms`);
  screen.say('A daemon watches the checkout of a Git repository:');
  screen.command('squall daemon --manifests checkout/');
  screen.shown(`ready after ${ms(await stage.start())}`);
  return [{ what: 'round trip without a fault', ms: rtt }];
}

async function deadline(story: Story): Promise<Figure[]> {
  const { screen, stage, pair } = story;
  screen.step('A manifest that is there is a fault that is wanted, for its duration');
  const { packets, lostAt, at, writtenAt } = await cut(story, '3s', 'Take the database away', true);
  const ends = stage.deadline(NAME);
  const backAt = await pair.pings.waitForReply();
  await packets.end(MARGIN);
  screen.shown(
    `first packet lost ${ms(lostAt - writtenAt)} after Git wrote the file, ${ms(lostAt - at)} after git commit began`,
  );
  screen.shown(`${countLost(pair, lostAt, backAt)} packets lost, not one got through`);
  screen.shown(`it ended by itself: first packet through ${ms(backAt - ends)} after the deadline`);
  expect(backAt >= ends - SHOP.intervalMs, 'the fault lasts until its deadline');
  return [
    { what: 'git commit and push begin -> first packet lost', ms: lostAt - at },
    { what: 'file in the checkout -> first packet lost', ms: lostAt - writtenAt },
    { what: 'deadline -> first packet through', ms: backAt - ends },
  ];
}

async function removal(story: Story): Promise<Figure[]> {
  const { screen, stage, pair } = story;
  screen.step('A manifest that is removed is a fault that ends now');
  const { packets, lostAt } = await cut(story, '10m', 'Take it away for longer');
  await packets.end(MARGIN);
  screen.command(`git rm ${FILE} && git commit -m 'Enough' && git push`);
  const rest = screen.packets(pair.pings);
  await pause();
  const back = pair.pings.waitForReply();
  const { at, writtenAt } = await stage.push(FILE, undefined, 'Enough');
  const backAt = await back;
  await rest.end(MARGIN);
  countLost(pair, lostAt, backAt);
  screen.shown(
    `first packet through ${ms(backAt - writtenAt)} after Git removed the file, ${ms(backAt - at)} after git commit began`,
  );
  return [
    { what: 'git commit and push begin -> first packet through', ms: backAt - at },
    { what: 'file gone from the checkout -> first packet through', ms: backAt - writtenAt },
  ];
}

async function nobody(story: Story): Promise<Figure[]> {
  const { screen, stage, pair } = story;
  screen.step('The daemon dies in the middle of a run');
  const { packets, lostAt } = await cut(story, '4s', 'Once more');
  const ends = stage.deadline(NAME);
  await packets.end(MARGIN);
  const pids = await stage.kill();
  screen.command(`kill -9 ${pids.join(' ')}    # the daemon and its sentinel: nobody is left`);
  expect(pids.length === 2 && Date.now() < ends, 'daemon and sentinel are killed before the deadline');
  const rest = screen.packets(pair.pings);
  const backAt = await pair.pings.waitForReply();
  await rest.end(MARGIN);
  countLost(pair, lostAt, backAt);
  screen.shown(`the kernel ended it: first packet through ${ms(backAt - ends)} after the deadline`);
  const late = backAt - ends;
  expect(late > -SHOP.intervalMs && late < KERNEL_LIMIT, 'the kernel ends the fault within a second');
  return [{ what: 'deadline -> first packet through, everybody dead', ms: late }];
}

async function aftermath({ screen, stage }: Story): Promise<Figure[]> {
  screen.step('The next daemon goes on from the journal');
  await stage.start();
  await stage.phase(NAME, 'Completed');
  for (const command of [
    ['get', 'experiments'],
    ['get', 'runs'],
    ['describe', NAME],
  ]) {
    screen.command(`squall ${command.join(' ')}`);
    screen.text(await stage.squall(...command));
  }
  return [];
}

/** Pushes the experiment with this duration; resolves at the first lost packet, with packets still being drawn. */
async function cut(
  { screen, stage, pair }: Story,
  duration: string,
  message: string,
  whole = false,
): Promise<{ packets: Packets; lostAt: number; at: number; writtenAt: number }> {
  const text = manifest(duration);
  const lines = text.split('\n');
  screen.text(whole ? text : lines.filter((line) => /name|duration/.test(line)).join('\n'));
  screen.command(`git add ${FILE} && git commit -m '${message}' && git push`);
  const packets = screen.packets(pair.pings);
  await pause();
  const lost = pair.pings.waitForLoss();
  lost.catch(() => {}); // the push may fail first
  const pushed = await stage.push(FILE, text, message);
  return { packets, lostAt: await lost, ...pushed };
}

function manifest(duration: string): string {
  return stringify(cutOff(NAME, duration, SHOP));
}

/** The packets between the first that was lost and the first that got through again, all of which must be lost. */
function countLost({ pings }: Pair, lostAt: number, backAt: number): number {
  const between = pings.samples().filter(({ sentAt }) => sentAt >= lostAt && sentAt < backAt);
  expect(
    between.every(({ rttMs }) => rttMs === null),
    'no packet gets through while the fault is there',
  );
  return between.length;
}

function expect(fact: boolean, what: string): void {
  if (!fact) throw new Error(`not as it should be: ${what}`);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, MARGIN));
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
