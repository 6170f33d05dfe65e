import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Top to bottom: a room imports from itself and from those below it. */
const ROOMS = [
  'main',
  'cli',
  'daemon',
  'server',
  'notify',
  'report',
  'scenario',
  'schedule',
  'reconcile',
  'plan',
  'faults',
  'probes',
  'manifests',
  'journal',
  'runtime',
  'core',
];
const LONGEST_FILE = 400;

interface Source {
  /** Relative to src/. */
  path: string;
  room: string;
  code: string;
  /** Relative to src/; types too. */
  imports: string[];
  /** Those that are there when the program runs. */
  runtimeImports: string[];
  packages: string[];
}

const src = fileURLToPath(new URL('../src/', import.meta.url));
const sources = globSync('**/*.ts', { cwd: src }).sort().map(read);

function read(path: string): Source {
  const code = readFileSync(join(src, path), 'utf8');
  const specifiers = importsOf(code);
  const ours = (all: string[]) => all.filter(isOurs).map((to) => relative(src, join(src, dirname(path), to)));
  return {
    path,
    room: roomOf(path),
    code: withoutComments(code),
    imports: ours(specifiers),
    runtimeImports: ours(importsOf(withoutTypes(code))),
    packages: specifiers.filter((to) => !isOurs(to)),
  };
}

function roomOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] as string) : path.replace(/\.ts$/, '');
}

function withoutTypes(code: string): string {
  return code.replace(/^\s*(import|export)\s+type\b[^;]*;/gm, '');
}

/** What a file imports, types too: `import ... from`, `export ... from`, `import 'x'` and `import('x')`. */
function importsOf(code: string): string[] {
  const from = /^\s*(?:import|export)\b[^;'"]*\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm;
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]/g;
  const all = [...code.matchAll(from), ...code.matchAll(dynamic)];
  return all.map(([, first, second]) => (first ?? second) as string);
}

/** Good enough for a search: keeps what follows a colon, so that addresses in strings stay. */
function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');
}

function isOurs(specifier: string): boolean {
  return specifier.startsWith('.');
}

/** Paths of the sources, outside those that `allowed` accepts, of which `found` is true. */
function offenders(allowed: (source: Source) => boolean, found: (source: Source) => boolean): string[] {
  return sources.filter((source) => !allowed(source) && found(source)).map(({ path }) => path);
}

describe('the reader of sources', () => {
  it('finds every way to import', () => {
    const code = `
      import a from 'a';
      import type {
        B,
      } from './b.ts';
      export { c } from "../c.ts";
      import 'd';
      const e = await import('./e.ts');
      const text = 'no import from here';
    `;
    assert.deepEqual(importsOf(code), ['a', './b.ts', '../c.ts', 'd', './e.ts']);
  });

  it('sees the sources, and a room for each', () => {
    assert.ok(sources.length >= 10);
    assert.deepEqual(
      sources.filter(({ room }) => !ROOMS.includes(room)).map(({ path }) => path),
      [],
    );
  });
});

describe('the rooms', () => {
  it('import downwards only', () => {
    const upwards = sources.flatMap(({ path, room, imports }) =>
      imports
        .filter((to) => ROOMS.indexOf(roomOf(to)) < ROOMS.indexOf(room))
        .map((to) => `${path} imports ${to}`),
    );
    assert.deepEqual(upwards, []);
  });

  it('name sources with their extension, and stay inside src', () => {
    const strange = sources.flatMap(({ path, imports }) =>
      imports
        .filter((to) => to.startsWith('..') || !/\.(ts|json)$/.test(to))
        .map((to) => `${path} imports ${to}`),
    );
    assert.deepEqual(strange, []);
  });

  it('have no circle of imports between their files (of types there may be)', () => {
    const cycles = new Set<string>();
    const done = new Set<string>();
    const visit = (path: string, trail: string[]): void => {
      const start = trail.indexOf(path);
      if (start >= 0) cycles.add([...trail.slice(start), path].join(' -> '));
      if (start >= 0 || done.has(path)) return;
      for (const to of sources.find((one) => one.path === path)?.runtimeImports ?? [])
        visit(to, [...trail, path]);
      done.add(path);
    };
    for (const { path } of sources) visit(path, []);
    assert.deepEqual([...cycles], []);
  });
});

describe('the ports to the world', () => {
  it('alone know dockerode', () => {
    const found = offenders(
      ({ room }) => room === 'runtime',
      ({ packages }) => packages.includes('dockerode'),
    );
    assert.deepEqual(found, []);
  });

  it('alone start processes', () => {
    const found = offenders(
      ({ room }) => room === 'runtime',
      ({ packages }) => packages.some((name) => /^(node:)?child_process$/.test(name)),
    );
    assert.deepEqual(found, []);
  });

  it('never use a shell', () => {
    const found = offenders(
      () => false,
      ({ code }) =>
        /\bshell:\s*true\b|\bexecSync\b|['"](?:\/bin\/)?(?:ba)?sh['"],\s*\[\s*['"]-c['"]/.test(code),
    );
    assert.deepEqual(found, []);
  });
});

it('only the clock asks what time it is', () => {
  const found = offenders(
    ({ path }) => path === 'core/clock.ts',
    ({ code }) => /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\s*\()/.test(code),
  );
  assert.deepEqual(found, []);
});

it(`no file is longer than ${LONGEST_FILE} lines`, () => {
  const long = sources.filter(({ path }) => {
    const lines = readFileSync(join(src, path), 'utf8').split('\n').length - 1;
    return lines > LONGEST_FILE;
  });
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

const registry = join(src, 'faults/index.ts');
it('every file of faults/ is registered, under its own name', { skip: !existsSync(registry) }, async () => {
  const { FAULTS } = (await import(registry)) as { FAULTS: readonly { type: string }[] };
  const files = globSync('*.ts', { cwd: join(src, 'faults') }).map((file) => file.replace(/\.ts$/, ''));
  const kinds = files.filter((name) => name !== 'fault' && name !== 'index');
  assert.deepEqual(FAULTS.map(({ type }) => type).sort(), kinds.sort());
});
