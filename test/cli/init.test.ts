import assert from 'node:assert/strict';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { parse } from 'yaml';
import { modelOf } from '../../src/cli/completion/model.ts';
import { projectsOf, suggest } from '../../src/cli/init/suggest.ts';
import { exampleManifest } from '../../src/cli/init/templates.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Container } from '../../src/core/types.ts';
import { container } from '../plan/build.ts';
import { collector, type Scratch, scratch, squall } from './fixture.ts';

let place: Scratch;
let repo: string;
beforeEach(() => {
  place = scratch();
  repo = join(place.dir, 'repo');
});
afterEach(() => place.remove());

const NOWHERE = 'unix:///nowhere.sock';
const init = (...args: string[]) => squall(['init', repo, '--docker-host', NOWHERE, ...args]);
const files = () =>
  readdirSync(repo, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(repo, name)).isFile(),
  );
const read = (name: string) => readFileSync(join(repo, name), 'utf8');
const MANIFESTS = ['experiments/example.yaml', 'experiments/policies/default.yaml', 'schedules/nightly.yaml'];

describe('init', () => {
  it('writes manifests that are valid', async () => {
    assert.equal((await init()).code, 0);
    const { code, out } = await squall(['validate', join(repo, 'experiments'), join(repo, 'schedules')]);
    assert.deepEqual([code, out], [0, '']);
  });

  it('writes nothing that injects by itself', async () => {
    await init();
    const documents = MANIFESTS.map((name) => parse(read(name)));
    assert.deepEqual(
      documents.map(({ kind, spec }) => [kind, spec.suspend]),
      [
        ['Experiment', true],
        ['Policy', undefined],
        ['Schedule', true],
      ],
    );
    assert.equal(documents[2].spec.experimentRef.name, documents[0].metadata.name);
  });

  it('names in each the schema beside it that an editor checks it with', async () => {
    await init();
    for (const name of MANIFESTS) {
      const link = /^# yaml-language-server: \$schema=(\S+)\n/.exec(read(name))?.[1] ?? '';
      const schema = JSON.parse(readFileSync(resolve(repo, dirname(name), link), 'utf8'));
      assert.equal(schema.title, parse(read(name)).kind);
      const ajv = new Ajv2020({ strict: false, validateFormats: false });
      assert.equal(ajv.validate(schema, parse(read(name))), true, JSON.stringify(ajv.errors));
    }
  });

  it('copies all schemas as they are shipped', async () => {
    await init();
    const shipped = fileURLToPath(new URL('../../schemas/', import.meta.url));
    const names = globSync('*.schema.json', { cwd: shipped }).sort();
    assert.deepEqual(globSync('*', { cwd: join(repo, '.squall/schemas') }).sort(), names);
    for (const name of names) {
      const { $comment, ...schema } = JSON.parse(read(`.squall/schemas/${name}`));
      assert.match($comment, /^Copied by `squall init`.* Squall \d/);
      assert.deepEqual(schema, JSON.parse(readFileSync(join(shipped, name), 'utf8')));
    }
  });

  it('tells what it made on stdout, what to do next on stderr', async () => {
    const { out, err } = await init();
    assert.deepEqual(
      out
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/^created +/, ''))
        .sort(),
      files()
        .map((name) => join(repo, name))
        .sort(),
    );
    assert.match(err, /^No Docker engine answered.*\n\nNext:\n {2}opt in: .*squall\.enabled.*\n/);
    for (const verb of ['validate', 'doctor', 'plan', 'daemon', 'run example'])
      assert.ok(err.includes(`squall ${verb}`));
  });

  it('leaves what is there, says so, and is content', async () => {
    mkdirSync(join(repo, 'experiments'), { recursive: true });
    writeFileSync(join(repo, 'experiments/example.yaml'), 'my own');
    const { code, out, err } = await init();
    assert.equal(code, 0);
    assert.equal(read('experiments/example.yaml'), 'my own');
    assert.match(out, /^kept +\S+example\.yaml\ncreated /);
    assert.match(err, /What is there already was left as it is: --force replaces it\n/);
    const again = await init();
    assert.match(again.out, /^kept .*\n(unchanged .*\n)+$/);
  });

  it('writes nothing through a link that leads out', async () => {
    mkdirSync(join(repo, 'experiments'), { recursive: true });
    symlinkSync(join(place.dir, 'elsewhere'), join(repo, 'experiments/example.yaml'));
    assert.match((await init()).out, /^kept +\S+example\.yaml\n/);
    assert.equal((await init('--force')).code, 0);
    assert.equal(existsSync(join(place.dir, 'elsewhere')), false);
  });

  it('replaces it with --force', async () => {
    await init();
    writeFileSync(join(repo, 'experiments/example.yaml'), 'my own');
    const { out, err } = await init('--force');
    assert.match(out, /^replaced +\S+example\.yaml\n(unchanged .*\n)+$/);
    assert.match(read('experiments/example.yaml'), /kind: Experiment/);
    assert.doesNotMatch(err, /--force/);
    assert.deepEqual(
      files().filter((name) => /\.squall-init/.test(name)),
      [],
    );
  });

  it('brings its own copies up to date, and leaves what is none', async () => {
    await init();
    const [old, own] = ['.squall/schemas/experiment.schema.json', '.squall/schemas/policy.schema.json'];
    const fresh = read(old);
    writeFileSync(join(repo, old), fresh.replace(/Squall [\d.]+/, 'Squall 0.0.1').slice(0, 500));
    writeFileSync(join(repo, own), '{"title":"mine"}');
    const { out } = await init();
    assert.match(out, /updated +\S+experiment\.schema\.json\n[\s\S]*kept +\S+policy\.schema\.json\n/);
    assert.equal(read(old), fresh);
    assert.equal(read(own), '{"title":"mine"}');
  });

  it('writes nothing with --dry-run, and prints what it would', async () => {
    const { code, out } = await init('--dry-run', '--github');
    assert.equal(code, 0);
    assert.equal(existsSync(repo), false);
    assert.match(out, /example\.yaml: would be created\n# yaml-language-server[\s\S]*name: example\n/);
    assert.match(out, /squall\.yml: would be created\n# Tells/);
    assert.ok(out.length < 10_000, 'without the text of schemas');
  });

  it('takes a project that does not run', async () => {
    const { err } = await init('--project', 'shop');
    assert.equal(parse(read('experiments/example.yaml')).spec.targets.select.project, 'shop');
    assert.match(err, /made-up names/);
  });

  it('is not held up by an engine that hangs', async () => {
    const socket = join(place.dir, 'hung.sock');
    const server = createServer(() => {}).listen(socket);
    const started = performance.now();
    const { code, err } = await squall(['init', repo, '--docker-host', `unix://${socket}`]);
    server.close();
    assert.equal(code, 0);
    assert.match(err, /No Docker engine answered within a second/);
    assert.ok(performance.now() - started < 5000);
    assert.ok(existsSync(join(repo, 'experiments/example.yaml')));
  });

  it('says what is in the way', async () => {
    mkdirSync(repo);
    writeFileSync(join(repo, 'experiments'), 'a file');
    const { code, err } = await init();
    assert.equal(code, 2);
    assert.match(
      err,
      /error SQ106: \S+example\.yaml cannot be written: ENOTDIR\n {2}hint: Something of that name/,
    );
    assert.equal((await squall(['init', repo, '--docker-host', 'nonsense'])).code, 2);
  });
});

describe('init --github', () => {
  const steps = () => {
    const { jobs, permissions } = parse(read('.github/workflows/squall.yml'));
    assert.deepEqual(permissions, { contents: 'read' });
    return jobs.plan.steps.map(({ uses, run }: { uses?: string; run?: string }) => uses ?? run) as string[];
  };

  it('adds a workflow that validates and plans, with options that there are', async () => {
    await init('--github');
    const lines = steps().filter((step) => step?.startsWith('squall '));
    assert.deepEqual(
      lines.map((line) => line.split(' ')[1]),
      ['validate', 'plan'],
    );
    const { verbs } = modelOf(createProgram({ io: collector({ out: '', err: '' }), code: 0 }));
    for (const line of lines) {
      const known = verbs
        .find(({ name }) => name === line.split(' ')[1])
        ?.options.flatMap(({ flags }) => flags);
      for (const [flag] of line.matchAll(/(?<= )--?[a-z-]+/g))
        assert.ok(known?.includes(flag), `${flag} in ${line}`);
    }
    assert.match(lines[1] as string, / --no-engine /);
  });

  it('plans for the containers of a compose file, where there is one', async () => {
    mkdirSync(repo);
    writeFileSync(join(repo, 'docker-compose.yml'), '');
    await init('--github');
    assert.ok(steps().includes('docker compose up --detach --wait'));
    assert.doesNotMatch(steps().at(-1) as string, /--no-engine/);
  });
});

describe('the suggestion', () => {
  const bare = (name: string, more: Partial<Container> = {}): Container => ({
    ...container(name),
    labels: {},
    ...more,
  });
  const service = (project: string, name: string, more: Partial<Container> = {}) =>
    bare(`${project}-${name}-1`, {
      ...more,
      labels: {
        'com.docker.compose.project': project,
        'com.docker.compose.service': name,
        ...more.labels,
      },
    });
  const on = { labels: { 'squall.enabled': 'true' } };

  it('is a service that talks to a store, with that store as its peer', () => {
    const found = suggest([service('shop', 'redis'), service('shop', 'web'), service('shop', 'admin')]);
    assert.deepEqual(found, {
      target: { project: 'shop', service: 'admin' },
      peer: { service: 'redis' },
      isReal: true,
      hasOptedIn: false,
    });
    const image = suggest([
      service('shop', 'web'),
      service('shop', 'api'),
      service('shop', 'x', { image: 'postgres:16' }),
    ]);
    assert.deepEqual(image.peer, { service: 'x' });
  });

  it('is what has opted in, before anything else', () => {
    const big = ['a', 'b', 'c'].map((name) => service('big', name));
    assert.deepEqual(suggest([...big, service('small', 'a'), service('small', 'web', on)]), {
      target: { project: 'small', service: 'web' },
      peer: { service: 'a' },
      isReal: true,
      hasOptedIn: true,
    });
    assert.deepEqual(suggest([...big]).target, { project: 'big', service: 'a' });
  });

  it('is no store where another has opted in too, and no container of no project where a service has', () => {
    const found = suggest([service('shop', 'redis', on), service('shop', 'web', on), bare('alone', on)]);
    assert.deepEqual(found.target, { project: 'shop', service: 'web' });
  });

  it('is a container of no project where only such a one has opted in', () => {
    const found = suggest([service('shop', 'web'), bare('lone', on)]);
    assert.deepEqual([found.target, found.peer], [{ container: 'lone' }, { container: 'shop-web-1' }]);
    const apart = suggest([bare('lone', { ...on, attachments: [] }), bare('other')]);
    assert.deepEqual(apart.peer, { any: true }, 'nobody on its networks');
  });

  it('is only for the project that was asked for', () => {
    const all = [service('shop', 'web', on), service('other', 'api')];
    assert.deepEqual(suggest(all, 'other').target, { project: 'other', service: 'api' });
    assert.deepEqual(suggest(all, 'none'), {
      target: { project: 'none', service: 'backend' },
      peer: { service: 'redis' },
      isReal: false,
      hasOptedIn: false,
    });
    assert.deepEqual(projectsOf(all), ['other', 'shop']);
  });

  it('is never what would be refused', () => {
    const refused = [
      service('a', 'stopped', { state: 'exited' }),
      service('b', 'protected', { labels: { 'squall.protect': 'true' } }),
      service('c', 'self', { labels: { 'squall.self': 'daemon' } }),
      service('d', 'host', { networkMode: 'host' }),
      service('e', 'once', { labels: { 'com.docker.compose.oneoff': 'True' } }),
      service('f'.repeat(300), 'long'),
    ];
    assert.equal(suggest(refused).isReal, false);
  });

  it('comes out of the manifest as it went in, whatever labels hold', () => {
    const name = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.constantFrom('yes', '123', 'null', '~', 'a: b', "x'y", 'a\nb', '#', '*x'),
    );
    fc.assert(
      fc.property(name, name, name, (project, service, peer) => {
        const target = { project, service };
        const text = exampleManifest(
          { target, peer: { service: peer }, isReal: true, hasOptedIn: true },
          's',
        );
        const { spec } = parse(text);
        assert.deepEqual(spec.targets.select, { project, services: [service] });
        assert.deepEqual(spec.faults[0].to, [{ service: peer }]);
        assert.equal(spec.suspend, true);
      }),
    );
  });
});
