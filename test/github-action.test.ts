import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { type GitLab, openGitLab } from './lab/git.ts';

const folder = fileURLToPath(new URL('../.github/actions/plan/', import.meta.url));
const script = readFileSync(join(folder, 'plan.sh'), 'utf8');

interface Action {
  name: string;
  description: string;
  inputs: Record<string, { description: string; default: string }>;
  runs: { using: string; steps: Record<string, unknown>[] };
}

const action = parse(readFileSync(join(folder, 'action.yml'), 'utf8')) as Action;

/** docs.github.com, "Metadata syntax for GitHub Actions". */
describe('action.yml', () => {
  it('has the fields of a composite action, and no others', () => {
    assert.deepEqual(Object.keys(action), ['name', 'description', 'inputs', 'runs']);
    assert.deepEqual(Object.keys(action.runs), ['using', 'steps']);
    assert.equal(action.runs.using, 'composite');
    for (const [name, input] of Object.entries(action.inputs)) {
      assert.match(name, /^[a-z][a-z-]*$/);
      assert.deepEqual([typeof input.description, typeof input.default], ['string', 'string'], name);
      assert.deepEqual(Object.keys(input), ['description', 'default'], name);
    }
  });

  it('names a shell for each step, and puts no value into a command', () => {
    for (const step of action.runs.steps) {
      assert.deepEqual(Object.keys(step).sort(), ['env', 'name', 'run', 'shell']);
      assert.equal(step.shell, 'bash');
      assert.doesNotMatch(String(step.run), /\$\{\{/);
    }
    assert.doesNotMatch(script, /\$\{\{|\beval\b/);
  });

  it('hands each input to the script by a variable, which the script reads', () => {
    const env = action.runs.steps[0]?.env as Record<string, string>;
    const used = Object.values(env).map((value) => /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(value)?.[1]);
    assert.deepEqual(used.toSorted(), Object.keys(action.inputs).toSorted());
    for (const name of Object.keys(env).filter((one) => one !== 'GH_TOKEN'))
      assert.ok(script.includes(`\${${name}:-`), name);
    const read = new Set([...script.matchAll(/\bINPUT_\w+/g)].map(([name]) => name));
    assert.deepEqual(
      [...read].filter((name) => !(name in env)),
      [],
    );
  });
});

let lab: GitLab;
let bin: string;

const POLICY = 'experiments/policy.json';
const documentOf = (kind: string, name: string, spec: object) =>
  JSON.stringify({ apiVersion: 'squall/v1', kind, metadata: { name }, spec });
const pause = (name: string, duration: string) =>
  documentOf('Experiment', name, {
    duration,
    targets: { select: { services: ['web'] }, mode: 'all' },
    faults: [{ type: 'container-pause' }],
  });

/** Records how it is called, and the body that it is given; answers a list with $GH_IDS. */
const GH = `#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$LOG"
for word; do [[ $word != body=@* ]] || cat "\${word#body=@}" >"$LOG.body"; done
[[ $* != *--jq* ]] || printf '%s' "\${GH_IDS:-}"
exit "\${GH_CODE:-0}"
`;

function install(name: string, text: string): void {
  writeFileSync(join(bin, name), text);
  chmodSync(join(bin, name), 0o755);
}

/** As GitHub has it: a branch adds these files, main goes on, both are merged into a commit of their own, and main goes on again. */
function mergeCommit(files: Record<string, string | undefined>): void {
  lab.git(['switch', '--quiet', '-c', 'topic']);
  lab.commit('topic', files);
  lab.git(['switch', '--quiet', 'main']);
  lab.push('main goes on', { 'experiments/later.json': pause('later', '5s') });
  lab.git(['switch', '--quiet', '--detach', 'main']);
  lab.git(['merge', '--quiet', '--no-ff', '--no-edit', 'topic']);
  lab.git(['push', '--quiet', 'origin', 'HEAD:refs/pull/7/merge']);
  const merged = lab.git(['rev-parse', 'HEAD']).trim();
  lab.git(['switch', '--quiet', 'main']);
  lab.push('after the merge', { 'experiments/after.json': pause('after', '5s') });
  lab.git(['switch', '--quiet', '--detach', merged]);
}

/** In the place of Squall: records its arguments, each in brackets. Cheap, where a test is not about plans. */
function fakeSquall(code = 0): Record<string, string> {
  install(
    'npx',
    `#!/usr/bin/env bash\nprintf '<%s>' "$@" >>"$LOG"; echo >>"$LOG"; echo report; exit ${code}\n`,
  );
  return { INPUT_VERSION: '1.2.3-rc.1' };
}

interface Ran {
  code: number;
  out: string;
  err: string;
  summary: string;
  /** Calls of gh, a line each. */
  calls: string[];
  body: string;
}

async function act(env: Record<string, string> = {}, cwd = lab.tree): Promise<Ran> {
  const [log, summary] = [join(lab.dir, 'log'), join(lab.dir, 'summary')];
  const child = spawn('bash', [join(folder, 'plan.sh')], {
    cwd,
    env: {
      PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}`,
      HOME: lab.home,
      GITHUB_ACTION_PATH: folder,
      GITHUB_EVENT_PATH: join(lab.dir, 'event.json'),
      GITHUB_REF: 'refs/pull/7/merge',
      GITHUB_BASE_REF: 'main',
      GITHUB_REPOSITORY: 'acme/shop',
      GITHUB_STEP_SUMMARY: summary,
      RUNNER_TEMP: lab.dir,
      LOG: log,
      ...env,
    },
  });
  const read = async (stream: Readable) => (await stream.toArray()).join('');
  const closed = new Promise<number>((resolve) => child.on('close', resolve));
  const [out, err, code] = await Promise.all([read(child.stdout), read(child.stderr), closed]);
  const content = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const calls = content(log)
    .split('\n')
    .filter((line) => line !== '');
  return { code, out, err, summary: content(summary), calls, body: content(`${log}.body`) };
}

describe('plan.sh', () => {
  beforeEach(() => {
    lab = openGitLab();
    bin = join(lab.dir, 'bin');
    mkdirSync(bin);
    install('gh', GH);
    writeFileSync(join(lab.dir, 'event.json'), JSON.stringify({ pull_request: { number: 7 } }));
    lab.push('base', { [POLICY]: documentOf('Policy', 'default', { maxDuration: '1m' }), 'old.txt': '1' });
  });

  afterEach(() => lab[Symbol.dispose]());

  it('compares a merge commit with its first parent: summary, annotations, and a comment', async () => {
    mergeCommit({ 'experiments/long.json': pause('long', '10m') });
    const { code, out, err, summary, calls, body } = await act({ INPUT_FAIL_ON: 'refused' });
    assert.deepEqual([code, err], [1, '']);
    assert.match(
      summary,
      /^<!-- squall-plan -->\n### Squall plan: 1 object refused\n\n1 added, 0 changed, 0 removed, 2 unchanged, against /,
    );
    assert.match(
      out,
      /^::error file=experiments\/long\.json,line=1,col=1,title=Refused%3A SQ214::experiment\/long: /,
    );
    assert.equal(calls.length, 2);
    assert.match(
      calls[0] ?? '',
      /^api --paginate repos\/acme\/shop\/issues\/7\/comments\?per_page=100 --jq /,
    );
    assert.match(
      calls[1] ?? '',
      /^api --silent --method POST repos\/acme\/shop\/issues\/7\/comments --field body=@/,
    );
    assert.equal(body, summary);
  });

  it('brings its comment up to date, and fails as the plan does', async () => {
    mergeCommit({});
    const { code, calls } = await act({ ...fakeSquall(1), GH_IDS: '41\n42\n' });
    assert.equal(code, 1);
    assert.match(
      calls.at(-1) ?? '',
      /^api --silent --method PATCH repos\/acme\/shop\/issues\/comments\/41 --field body=@/,
    );
  });

  it('goes on where the comment may not be written', async () => {
    mergeCommit({});
    const { code, out, summary, calls } = await act({ ...fakeSquall(), GH_CODE: '1' });
    assert.deepEqual([code, summary, calls.length], [0, 'report\n', 3]);
    assert.match(
      out,
      /::warning title=Squall plan::the comment could not be written: .*`pull-requests: write`/,
    );
  });

  it('writes none where it is told not to, or for no pull request', async () => {
    mergeCommit({});
    const about = ({ calls }: Ran) => calls.filter((line) => line.startsWith('api'));
    assert.deepEqual(about(await act({ ...fakeSquall(), INPUT_COMMENT: 'false' })), []);
    writeFileSync(join(lab.dir, 'event.json'), JSON.stringify({ ref: 'refs/heads/main' }));
    const push = await act({ ...fakeSquall(), GITHUB_REF: 'refs/heads/main', GITHUB_BASE_REF: '' });
    assert.deepEqual(about(push), []);
    assert.match(push.calls.at(-1) ?? '', /^<--yes><squall@1\.2\.3-rc\.1><plan><--state=[^>]*><--no-engine>/);
  });

  it('fetches the base of a shallow clone alone, and of a branch that is not merged', async () => {
    mergeCommit({ 'experiments/new.json': pause('new', '10s') });
    const shallow = join(lab.dir, 'shallow');
    mkdirSync(shallow);
    lab.git(['init', '--quiet'], shallow);
    lab.git(['fetch', '--quiet', '--depth=1', lab.url, 'refs/pull/7/merge'], shallow);
    lab.git(['checkout', '--quiet', 'FETCH_HEAD'], shallow);
    lab.git(['remote', 'add', 'origin', lab.url], shallow);
    const merged = await act({ INPUT_COMMENT: 'false' }, shallow);
    assert.equal(merged.code, 0, merged.err);
    assert.match(merged.summary, /\n1 added, 0 changed, 0 removed, 2 unchanged, /);
    assert.equal(lab.git(['rev-list', '--count', 'HEAD'], shallow).trim(), '1');
    lab.git(['switch', '--quiet', 'topic']);
    const branch = await act({ INPUT_COMMENT: 'false', GITHUB_REF: 'refs/heads/topic' });
    assert.match(branch.summary, /against `refs\/remotes\/origin\/main`/);
    assert.equal(lab.git(['rev-parse', '--is-shallow-repository']).trim(), 'false');
  });

  it('takes paths, a base and an inventory, and ends with 2 for bad usage and no report', async () => {
    mergeCommit({ 'more files/new.json': pause('new', '10s') });
    writeFileSync(join(lab.tree, 'hosts.json'), '[]');
    const inputs = {
      INPUT_PATHS: 'experiments\nmore files\n',
      INPUT_BASE: 'HEAD~1',
      INPUT_INVENTORY: 'hosts.json',
    };
    const { code, summary } = await act(inputs);
    assert.equal(code, 0);
    assert.match(summary, /\n1 added, .*, against `HEAD~1` .* 0 containers, from the inventory\.\n/);
    const bad = await act({ ...inputs, INPUT_INVENTORY: 'nowhere.json' });
    assert.deepEqual([bad.code, bad.calls.length], [2, 2]); // the calls of the run before
    assert.match(bad.err, /error SQ501: nowhere\.json is no inventory/);
  });

  it('runs nothing that an input may hold: each is one argument', async () => {
    mergeCommit({});
    const evil = '$(touch trap) `touch trap`; touch trap #';
    const { code, calls } = await act({
      ...fakeSquall(1),
      INPUT_PATHS: `${evil}\n--state=/\n`,
      INPUT_BASE: `--upload-pack=${evil}`,
      INPUT_INVENTORY: evil,
      INPUT_FAIL_ON: 'hit,$(trap) *',
      INPUT_COMMENT: evil,
    });
    const options = [
      `--state=${lab.dir}/squall-plan-state`,
      `--base=--upload-pack=${evil}`,
      `--inventory=${evil}`,
      '--fail-on=hit',
      '--fail-on=$(trap)',
      '--fail-on=*',
    ];
    const told = (output: string) =>
      ['--yes', 'squall@1.2.3-rc.1', 'plan', ...options, `--output=${output}`, '--', evil, '--state=/']
        .map((word) => `<${word}>`)
        .join('');
    assert.deepEqual([code, calls], [1, [told('markdown'), told('github')]]);
    const version = await act({ INPUT_VERSION: `1\n::error::${evil}` });
    assert.deepEqual([version.code, version.out.split('\n').length], [2, 2]);
    assert.ok(!existsSync(join(lab.tree, 'trap')));
  });
});
