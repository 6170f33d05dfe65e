import { type Daemon, openSite, type Site } from '../test/lab/daemon.ts';
import { type GitLab, openGitLab } from '../test/lab/git.ts';
import { until } from '../test/lab/until.ts';
import type { Loop } from './loop.ts';
import { cutOff, openPair, type Pair, uniqueProject } from './pair.ts';
import { withLog } from './path.ts';
import type { Measure } from './stats.ts';

const NAME = 'bench-git';
const FILE = 'chaos/bench.json';
const PAIR = { name: NAME, project: uniqueProject(NAME), client: 'client', server: 'server', intervalMs: 1 };
/** ms: fetches are asked for, none comes by itself. */
const NEVER = 24 * 3_600_000;

interface Times {
  push: number[];
  remove: number[];
  fetch: number[];
}

/**
 * A manifest is pushed to a bare repository (file://), and taken away again by `git rm` and a push; the daemon is told to fetch. From the
 * moment at which the fetch has ended to the first packet lost, and through. Beside it how long fetching takes.
 */
export async function measureGit(loop: Loop): Promise<Measure[]> {
  const pair = await openPair(PAIR);
  const site = openSite(NAME);
  using git = openGitLab();
  try {
    git.push('Nothing yet', { 'README.md': 'chaos' });
    const source = {
      url: git.url,
      branch: 'main',
      paths: ['chaos'],
      interval: NEVER,
      allowedSigners: undefined,
    };
    const daemon = await site.start({ more: { git: source, manifests: [] } });
    const times: Times = { push: [], remove: [], fetch: [] };
    await cycle({ site, git, pair, daemon }, { push: [], remove: [], fetch: [] }).catch(withLog(daemon));
    await loop(() => cycle({ site, git, pair, daemon }, times).catch(withLog(daemon)));
    return [
      { name: 'git-push', what: 'fetched a new manifest -> first packet lost', values: times.push },
      { name: 'git-rm', what: 'fetched its removal -> first packet through', values: times.remove },
      { name: 'git-fetch', what: 'asked to fetch -> fetched, from file://', values: times.fetch },
    ];
  } finally {
    await site.close();
    await pair.close();
  }
}

interface Place {
  site: Site;
  git: GitLab;
  pair: Pair;
  daemon: Daemon;
}

async function cycle({ site, git, pair: { pings }, daemon }: Place, times: Times): Promise<void> {
  git.push('Cut it off', { [FILE]: JSON.stringify(cutOff(NAME, '60s', PAIR)) });
  const lost = pings.waitForLoss();
  const pushed = await sync(daemon, times);
  times.push.push((await lost) - pushed);
  await until('the injection to be recorded', () =>
    site.effects(NAME).every(({ phase }) => phase === 'injected'),
  );
  git.push('Enough', { [FILE]: undefined });
  const answered = pings.waitForReply();
  const removed = await sync(daemon, times);
  times.remove.push((await answered) - removed);
  await until('the experiment to be forgotten', () => site.experiment(NAME) === undefined);
}

/** When the fetch had ended, ms since the epoch. */
async function sync(daemon: Daemon, times: Times): Promise<number> {
  const asked = performance.timeOrigin + performance.now();
  const { status, body } = await daemon.api('POST', '/api/v1/git/sync');
  const { fetchedAt, error } = JSON.parse(body) as { fetchedAt: string; error: string | null };
  if (status !== 200 || error) throw new Error(`not fetched: ${status} ${body}`);
  const fetched = Date.parse(fetchedAt);
  times.fetch.push(fetched - asked);
  return fetched;
}
