import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Problem } from '../../src/manifests/problem.ts';
import { formatGithub } from '../../src/report/github.ts';
import { formatProblems, summariseProblems } from '../../src/report/problems.ts';

const NONE = { experiments: 0, schedules: 0, scenarios: 0, policies: 0 };

function problem(more: Partial<Problem> = {}): Problem {
  const base = { code: 'SQ102', severity: 'error', file: 'a.yaml', line: 3, column: 5 } as const;
  return { ...base, path: 'spec.porst', message: 'unknown field', ...more };
}

describe('problems', () => {
  it('are a line each', () => {
    const text = formatProblems([
      problem({ hint: 'Did you mean "ports"?' }),
      problem({ severity: 'warning', line: 9 }),
    ]);
    assert.equal(
      text,
      'a.yaml:3:5: error SQ102 spec.porst: unknown field. Did you mean "ports"?\na.yaml:9:5: warning SQ102 spec.porst: unknown field\n',
    );
  });

  it('are counted', () => {
    assert.equal(summariseProblems([], { ...NONE, experiments: 1 }), '1 experiment: valid');
    assert.equal(summariseProblems([problem({ severity: 'warning' })], NONE), '0 experiments: 1 warning');
    assert.equal(
      summariseProblems([problem(), problem({ file: 'b.yaml' })], NONE),
      '0 experiments valid, 2 files wrong: 2 errors',
    );
    assert.equal(
      summariseProblems([problem(), problem({ severity: 'warning' }), problem()], {
        ...NONE,
        experiments: 2,
        policies: 1,
      }),
      '2 experiments, 1 policy valid, 1 file wrong: 2 errors, 1 warning',
    );
  });

  it('become annotations that a name or a message cannot break out of', () => {
    const text = formatGithub([problem({ file: 'a,b:c%.yaml', message: 'bad\n::error::forged\r' })]);
    assert.equal(
      text,
      '::error file=a%2Cb%3Ac%25.yaml,line=3,col=5,title=SQ102::SQ102 spec.porst: bad%0A::error::forged%0D\n',
    );
  });
});
