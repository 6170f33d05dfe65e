import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Declared, ExperimentSpec } from '../../src/core/types.ts';
import {
  changedObjects,
  type FileReading,
  mergeDeclared,
  withLastGood,
} from '../../src/manifests/desired.ts';
import { formatProblem, type Problem } from '../../src/manifests/problem.ts';
import { specHash } from '../../src/manifests/spec-hash.ts';

function declared(
  name: string,
  file: string,
  duration = '1m',
  more: { suspend?: boolean; line?: number } = {},
): Declared {
  const { suspend, line = 1 } = more;
  const base = {
    duration,
    targets: { select: { project: 'p' }, mode: 'all' as const },
    faults: [{ type: 'x' }],
  };
  const spec = suspend === undefined ? base : { ...base, suspend };
  return {
    kind: 'Experiment',
    name,
    labels: {},
    spec,
    specHash: specHash(spec),
    source: { file, line, column: 1 },
  };
}

const X_BROKEN = new Map([
  ['Experiment/x' as const, { source: { file: 'a.yaml', line: 3, column: 1 }, sure: true }],
]);

const PROBLEM: Problem = {
  code: 'SQ102',
  severity: 'error',
  file: 'a.yaml',
  line: 3,
  column: 1,
  path: 'spec.x',
  message: 'unknown field',
};

describe('merging the documents of all files', () => {
  it('orders experiments by name, wherever they stand', () => {
    const state = mergeDeclared([declared('b', 'a.yaml'), declared('a', 'b.yaml')], []);
    assert.deepEqual([...state.experiments.keys()], ['a', 'b']);
    assert.deepEqual(state.problems, []);
  });

  it('warns of one name with one spec in two places, and names both', () => {
    const state = mergeDeclared(
      [declared('x', 'b.yaml'), declared('x', 'a.yaml', '1m', { line: 4, suspend: false })],
      [],
    );
    assert.deepEqual(state.problems.map(formatProblem), [
      'b.yaml:1:1: warning SQ104 metadata.name: "x" is declared twice, with the same spec: b.yaml:1:1 and a.yaml:4:1. Remove one of them',
    ]);
    assert.equal(state.experiments.get('x')?.conflict, undefined);
  });

  it('marks one name with two specs as a conflict, and keeps the one accepted before', () => {
    const [first, second] = [declared('x', 'a.yaml', '1m'), declared('x', 'b.yaml', '2m')];
    const fresh = mergeDeclared([second, first], []);
    assert.equal(fresh.experiments.get('x')?.spec.duration, '1m');
    assert.equal(fresh.experiments.get('x')?.conflict, 'a.yaml:1:1 and b.yaml:1:1 declare it differently');
    assert.match(
      fresh.problems.map(formatProblem)[0] ?? '',
      /^b\.yaml:1:1: error SQ104 .*differently: b\.yaml:1:1 and a\.yaml:1:1\. Rename or remove/,
    );
    const known = mergeDeclared([first, second], [], mergeDeclared([second], []));
    assert.equal(known.experiments.get('x')?.spec.duration, '2m');
  });

  it('calls two documents that differ in suspend a conflict', () => {
    const state = mergeDeclared(
      [declared('x', 'a.yaml'), declared('x', 'b.yaml', '1m', { suspend: true })],
      [],
    );
    assert.ok(state.experiments.get('x')?.conflict);
  });

  it('prefers a document that is there to a stale one', () => {
    const stale = { ...declared('x', 'a.yaml'), stale: 'broken' };
    const state = mergeDeclared([stale, declared('x', 'b.yaml', '2m')], []);
    assert.deepEqual(state.experiments.get('x'), declared('x', 'b.yaml', '2m'));
    assert.deepEqual(state.problems, []);
  });

  it('comes out the same in whatever order the files are read', () => {
    const all = [
      declared('x', 'c.yaml', '3m'),
      declared('x', 'a.yaml'),
      declared('y', 'b.yaml'),
      declared('x', 'b.yaml', '2m'),
    ];
    assert.deepEqual(mergeDeclared(all, []), mergeDeclared([...all].reverse(), []));
  });
});

describe('the last good version', () => {
  const reading = (broken: FileReading['broken'], there: Declared[] = []): FileReading => ({
    declared: there,
    problems: [PROBLEM],
    broken,
  });
  const before = [declared('x', 'a.yaml'), declared('y', 'a.yaml')];

  it('stands for all of a file that does not parse, with the reason', () => {
    const kept = withLastGood(reading('all'), before);
    assert.deepEqual(
      kept.map(({ name }) => name),
      ['x', 'y'],
    );
    assert.equal(kept[0]?.stale, 'a.yaml:3:1 SQ102 spec.x: unknown field; the last good version stands');
  });

  it('stands for the document that is wrong only, where its name can be told', () => {
    const edited = declared('y', 'a.yaml', '2m');
    const kept = withLastGood(reading(X_BROKEN, [edited]), before);
    assert.deepEqual(
      kept.map(({ name, stale, spec }) => [name, stale !== undefined, (spec as ExperimentSpec).duration]),
      [
        ['y', false, '2m'],
        ['x', true, '1m'],
      ],
    );
  });

  it('lets go of a document that was taken out while another one is wrong', () => {
    assert.deepEqual(
      withLastGood(reading(X_BROKEN), before).map(({ name }) => name),
      ['x'],
    );
  });
});

describe('changed objects', () => {
  it('are those that are new, gone, or declared differently', () => {
    const before = mergeDeclared([declared('a', 'a'), declared('b', 'a'), declared('c', 'a')], []);
    const after = mergeDeclared([declared('a', 'a'), declared('b', 'a', '2m'), declared('d', 'a')], []);
    assert.deepEqual([...changedObjects(before, after)].sort(), [
      'Experiment/b',
      'Experiment/c',
      'Experiment/d',
    ]);
  });
});
