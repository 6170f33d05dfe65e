import { formatTable } from '../../src/report/table.ts';
import type { Sample } from '../../test/lab/traffic.ts';
import type { Pair } from '../../bench/pair.ts';
import type { Screen } from './screen.ts';
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

const NAME = 'db-unreachable';
const FILE = `${NAME}.yaml`;
export const SHOP = { name: 'demo', project: 'shop', client: 'web', server: 'db', intervalMs: 20 };

/** ms for which packets are shown before something happens, and after. */
const MARGIN = 400;

function manifest(duration: string): string {
  return `apiVersion: squall/v1
kind: Experiment
metadata: { name: ${NAME} }
spec:
  duration: ${duration}
  targets:
    select: { project: ${SHOP.project}, services: [${SHOP.client}] }
    mode: all
  faults:
    - type: network-block
      direction: egress
      to: [{ service: ${SHOP.server} }]
`;
}

/** Tells the story; throws where a step does not show what it says. */
export async function tell(story: Story): Promise<void> {
  const figures: Figure[] = [];
  for (const chapter of [traffic, daemon, deadline, removal, nobody, aftermath]) {
    story.check();
    figures.push(...(await chapter(story)));
  }
  story.screen.step('What was measured, by packets');
  story.screen.text(
    formatTable(
      [
        { title: 'WHAT', value: ({ what }: Figure) => what },
        { title: 'MS', value: ({ ms }: Figure) => ms.toFixed(0) },
      ],
      figures,
    ),
  );
}

async function traffic({ screen, pair }: Story): Promise<Figure[]> {
  screen.step('Two containers, and traffic between them');
  screen.say(`${pair.client.name} asks ${pair.server.name} every ${SHOP.intervalMs} ms:`);
  const samples = await screen.packets(pair.pings).end(1500);
  const rtts = samples.flatMap(({ rttMs }) => rttMs ?? []).sort((a, b) => a - b);
  const rtt = rtts[rtts.length >> 1] ?? Number.NaN;
  expect(rtts.length === samples.length && rtts.length > 0, 'all packets are answered before anything was done');
  screen.shown(`${samples.length} packets, all answered; round trip ${rtt.toFixed(2)} ms`);
  return [{ what: 'round trip without a fault', ms: rtt }];
}

async function daemon({ screen, stage }: Story): Promise<Figure[]> {
  screen.step('A daemon watches the checkout of a Git repository on this host');
  screen.command('squall daemon --manifests ./checkout');
  screen.shown(`ready after ${(await stage.start()).toFixed(0)} ms`);
  return [];
}

async function deadline({ screen, stage, pair }: Story): Promise<Figure[]> {
  const text = manifest('3s');
  screen.step('A manifest that is pushed is a fault that is wanted, for its duration');
  screen.text(text);
  screen.command(`git commit -m 'Take the database away' && git push`);
  const packets = screen.packets(pair.pings);
  await pause();
  const [lost, back] = [pair.pings.waitForLoss(), pair.pings.waitForReply()];
  back.catch(() => {});
  const { at, writtenAt } = await stage.push(FILE, text, 'Take the database away');
  const lostAt = await lost;
  const ends = await deadlineOf(stage);
  const backAt = await firstReply(pair, lostAt);
  const samples = await packets.end(MARGIN);
  screen.shown(`first packet lost ${ms(lostAt - writtenAt)} after Git wrote the file (${ms(lostAt - at)} after git commit began)`);
  screen.shown(`${allLost(samples, lostAt, backAt)} packets lost, none got through`);
  screen.shown(`it ended by itself: first packet through ${ms(backAt - ends)} after the deadline`);
  expect(backAt >= ends - 50, 'the fault lasts until its deadline');
  return [
    { what: 'git commit begins -> first packet lost', ms: lostAt - at },
    { what: 'file in the checkout -> first packet lost', ms: lostAt - writtenAt },
    { what: 'deadline -> first packet through', ms: backAt - ends },
  ];
}

async function removal({ screen, stage, pair }: Story): Promise<Figure[]> {
  screen.step('A manifest that is removed is a fault that ends now');
  screen.command(`sed -i 's/duration: 3s/duration: 10m/' ${FILE} && git commit -am 'Longer' && git push`);
  const packets = screen.packets(pair.pings);
  await pause();
  const lost = pair.pings.waitForLoss();
  await stage.push(FILE, manifest('10m'), 'Longer');
  const lostAt = await lost;
  await pause(1000);
  await packets.end();
  screen.command(`git rm ${FILE} && git commit -m 'Enough' && git push`);
  const rest = screen.packets(pair.pings);
  const back = pair.pings.waitForReply();
  const { at, writtenAt } = await stage.push(FILE, undefined, 'Enough');
  const backAt = await back;
  await rest.end(MARGIN);
  allLost(pair.pings.samples(), lostAt, backAt);
  screen.shown(`first packet through ${ms(backAt - writtenAt)} after Git removed the file (${ms(backAt - at)} after git commit began)`);
  return [
    { what: 'git commit begins -> first packet through', ms: backAt - at },
    { what: 'file gone from the checkout -> first packet through', ms: backAt - writtenAt },
  ];
}

async function nobody({ screen, stage, pair }: Story): Promise<Figure[]> {
  screen.step('The daemon is killed in the middle of a run');
  screen.command(`git revert HEAD  # with duration: 4s; and git push`);
  const packets = screen.packets(pair.pings);
  await pause();
  const lost = pair.pings.waitForLoss();
  await stage.push(FILE, manifest('4s'), 'Once more');
  const lostAt = await lost;
  const ends = await deadlineOf(stage);
  await pause();
  await packets.end();
  const pids = await stage.kill();
  screen.command(`kill -9 ${pids.join(' ')}   # the daemon and its sentinel: nobody is left`);
  expect(pids.length === 2 && Date.now() < ends, 'daemon and sentinel are killed before the deadline');
  const rest = screen.packets(pair.pings);
  const backAt = await pair.pings.waitForReply();
  await rest.end(MARGIN);
  allLost(pair.pings.samples(), lostAt, backAt);
  screen.shown(`the kernel ended it: first packet through ${ms(backAt - ends)} after the deadline`);
  expect(backAt >= ends - 50 && backAt < ends + 1200, 'the kernel ends the fault within a second of its deadline');
  return [{ what: 'deadline -> first packet through, daemon and sentinel dead', ms: backAt - ends }];
}

async function aftermath({ screen, stage }: Story): Promise<Figure[]> {
  screen.step('A new daemon takes up what the old one left, from the journal');
  screen.command('squall daemon --manifests ./checkout');
  await stage.start();
  const settled = JSON.parse(await stage.squall('get', 'runs', '-o', 'json')) as { items: RunView[] };
  for (const command of [['get', 'experiments'], ['get', 'runs'], ['events']]) {
    screen.command(`squall ${command.join(' ')}`);
    screen.text(await stage.squall(...command));
  }
  return [];
}
