import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Clock } from '../../src/core/clock.ts';
import { type DesiredState, mergeDeclared, NOTHING_DESIRED } from '../../src/manifests/desired.ts';
import { gitIsWriting } from '../../src/manifests/git-lock.ts';
import { parseManifests } from '../../src/manifests/parse.ts';
import { Removals } from '../../src/manifests/removals.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { KINDS, manifest, tempDirectory } from './fixtures.ts';

class ManualClock implements Clock {
  #now = 0;
  #timers = new Set<{ at: number; fn: () => void }>();
  now = () => this.#now;
  boot = () => this.#now;
  bootId = () => 'boot';
  after = (ms: number, fn: () => void) => {
    const timer = { at: this.#now + ms, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };
  advance(to: number): void {
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= to).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.fn();
    }
    this.#now = to;
  }
}

/** A removal of `a`, declared in `file`, looked at each time it asks for it. `unsettled`: files that move. */
function removal(file: string, unsettled: () => number, duringScan = () => {}) {
  const clock = new ManualClock();
  const [document] = parseManifests(file, manifest('a')).documents;
  assert.ok(document);
  const { declared } = createValidator(KINDS).validate(document);
  assert.ok(declared);
  let state: DesiredState = mergeDeclared([declared], []);
  let gone: number | undefined;
  const look = () => {
    removals.beforeScan();
    duringScan();
    state = removals.hold(state, NOTHING_DESIRED, 7, unsettled()).state;
    if (state.experiments.size === 0) gone ??= clock.now();
  };
  const removals = new Removals(clock, 40, look);
  look();
  return { clock, goneAt: () => gone, pending: () => removals.pending() };
}

describe('removals', () => {
  it('are held for the settle time', () => {
    using dir = tempDirectory();
    const { clock, goneAt, pending } = removal(join(dir.path, 'a.yaml'), () => 0);
    clock.advance(39);
    assert.equal(goneAt(), undefined);
    clock.advance(40);
    assert.equal(goneAt(), 40);
    assert.equal(pending(), 0);
  });

  it('wait for Git, five seconds at most', () => {
    using dir = tempDirectory();
    mkdirSync(join(dir.path, '.git'));
    writeFileSync(join(dir.path, '.git/index.lock'), '');
    const { clock, goneAt } = removal(join(dir.path, 'deep/down/a.yaml'), () => 0);
    clock.advance(4_999);
    assert.equal(goneAt(), undefined);
    clock.advance(5_000);
    assert.equal(goneAt(), 5_000);
  });

  it('go on soon after Git is done', () => {
    using dir = tempDirectory();
    mkdirSync(join(dir.path, '.git'));
    writeFileSync(join(dir.path, '.git/index.lock'), '');
    const { clock, goneAt } = removal(join(dir.path, 'a.yaml'), () => 0);
    clock.advance(1_000);
    rmSync(join(dir.path, '.git/index.lock'));
    clock.advance(2_000);
    assert.ok((goneAt() ?? 0) > 1_000 && (goneAt() ?? 0) <= 1_020);
  });

  it('wait for one more look where Git ended during one: that look may have missed what Git wrote last', () => {
    using dir = tempDirectory();
    const lock = join(dir.path, '.git/index.lock');
    mkdirSync(join(dir.path, '.git'));
    writeFileSync(lock, '');
    let looks = 0;
    let ended = 0;
    const { clock, goneAt } = removal(
      join(dir.path, 'a.yaml'),
      () => 0,
      () => {
        if (++looks < 4) return;
        rmSync(lock, { force: true });
        ended ||= clock.now();
      },
    );
    clock.advance(1_000);
    assert.ok(ended >= 40);
    assert.equal(goneAt(), ended + 15);
  });

  it('wait for files that are being written, half a second at most', () => {
    using dir = tempDirectory();
    let moving = 1;
    const short = removal(join(dir.path, 'a.yaml'), () => moving);
    short.clock.advance(100);
    assert.equal(short.goneAt(), undefined);
    moving = 0;
    short.clock.advance(120);
    assert.ok((short.goneAt() ?? 0) > 100);
    const long = removal(join(dir.path, 'a.yaml'), () => 1);
    long.clock.advance(2_000);
    assert.equal(long.goneAt(), 540);
  });
});

describe('the lock of Git', () => {
  it('is looked for where a work tree keeps its directory elsewhere', () => {
    using dir = tempDirectory();
    const [tree, store] = [join(dir.path, 'tree'), join(dir.path, 'store')];
    mkdirSync(tree);
    mkdirSync(store);
    writeFileSync(join(tree, '.git'), 'gitdir: ../store\n');
    assert.equal(gitIsWriting(join(tree, 'sub/a.yaml')), false);
    writeFileSync(join(store, 'index.lock'), '');
    assert.equal(gitIsWriting(join(tree, 'sub/a.yaml')), true);
  });
});
