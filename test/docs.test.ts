import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

interface Locked {
  dependencies?: Record<string, string>;
}

const file = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const pkg = JSON.parse(file('package.json')) as Record<
  'dependencies' | 'devDependencies' | 'scripts',
  Record<string, string>
>;
const locked = (JSON.parse(file('package-lock.json')) as { packages: Record<string, Locked> }).packages;

/** Where `name` is found from the package at `from`: the nearest node_modules upwards. */
function resolve(from: string, name: string): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (path in locked || at === '') return path;
  }
}

/** Paths of all that a package brings along, without itself. */
function brought(path: string, seen = new Set<string>()): Set<string> {
  for (const name of Object.keys(locked[path]?.dependencies ?? {})) {
    const next = resolve(path, name);
    if (seen.has(next)) continue;
    seen.add(next);
    brought(next, seen);
  }
  return seen;
}

describe('docs/dependencies.md', () => {
  const text = file('docs/dependencies.md');
  const rows = text.split('\n').filter((line) => line.startsWith('| ['));

  for (const name of Object.keys(pkg.dependencies))
    it(`has a reason for ${name} and counts what it brings`, () => {
      const cells = rows.find((row) => row.startsWith(`| [${name}](`))?.split(' | ');
      assert.ok(cells, 'no row in the table');
      assert.equal(cells.at(-1), `${brought(`node_modules/${name}`).size} |`);
    });

  it('has a reason for each of what is used in development', () => {
    const missing = Object.keys(pkg.devDependencies).filter(
      (name) => !text.includes(`[${name}]`) && !text.includes(`\`${name}\``),
    );
    assert.deepEqual(missing, []);
  });

  it('counts all of production', () => {
    const all = new Set(
      Object.keys(pkg.dependencies).flatMap((name) => [
        `node_modules/${name}`,
        ...brought(`node_modules/${name}`),
      ]),
    );
    assert.equal(/production is (\d+) packages/.exec(text)?.[1], String(all.size));
  });

  it('has no row for what is not installed', () => {
    const names = rows.map((row) => /^\| \[([^\]]+)\]/.exec(row)?.[1] ?? row);
    const known = { ...pkg.dependencies, ...pkg.devDependencies };
    assert.deepEqual(
      names.filter((name) => !(name in known)),
      [],
    );
  });
});

describe('package-lock.json', () => {
  it('holds a version of everything, so that `npm ci` works on every platform', () => {
    const open = Object.values(locked).flatMap((entry) =>
      Object.keys((entry as { optionalDependencies?: object }).optionalDependencies ?? {}),
    );
    assert.ok(open.length > 0);
    assert.deepEqual(
      open.filter((name) => !Object.keys(locked).some((path) => path.endsWith(`node_modules/${name}`))),
      [],
    );
  });
});

describe('CONTRIBUTING.md', () => {
  it('names only commands that there are', () => {
    const named = [...file('CONTRIBUTING.md').matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, name]) => name);
    assert.ok(named.length > 0);
    assert.deepEqual(
      named.filter((name) => !((name as string) in pkg.scripts)),
      [],
    );
  });
});
