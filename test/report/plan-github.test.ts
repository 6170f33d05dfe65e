import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../../src/report/plan-check.ts';
import { formatCheckGithub } from '../../src/report/plan-github.ts';
import { change, checkOf, previewOf, refused } from './plan-build.ts';

const lines = (check: ReturnType<typeof checkOf>, ...failing: Finding[]) =>
  formatCheckGithub(check, new Set(failing)).trimEnd().split('\n');

const limits = [{ limit: 'maxTargets', from: '2', to: '5', direction: 'looser' } as const];

describe('annotations of a check', () => {
  it('stand beside what is refused: an error where that fails the check', () => {
    const check = checkOf([change({ after: previewOf([refused('10 % is, too\nlong')]) })]);
    const place = 'file=experiments/slow.yaml,line=3,col=1,title=Refused%3A SQ214';
    const text = 'experiment/redis-slow: 10 %25 is, too%0Along';
    assert.equal(lines(check)[0], `::warning ${place}::${text}`);
    assert.equal(lines(check, 'refused')[0], `::error ${place}::${text}`);
    assert.equal(lines(check, 'loosened', 'hit')[0], `::warning ${place}::${text}`);
  });

  it('are a notice for what waits', () => {
    const waits = refused('no container matches', { outcome: 'waits', code: 'SQ201', step: 'steps[1]' });
    const [first] = lines(checkOf([change({ after: previewOf([waits]) })]), 'refused');
    assert.match(
      first ?? '',
      /^::notice .*title=Waits%3A SQ201::experiment\/redis-slow, steps\[1\]: no container matches$/,
    );
  });

  it('stand beside the Policy for limits that are looser, and name what is affected', () => {
    const source = { file: 'policy.yaml', line: 2, column: 1 };
    const check = checkOf([change({ kind: 'Policy', name: 'p', source, after: previewOf([]) })], {
      limits: [...limits, { ...limits[0], direction: 'tighter' } as never],
      affected: [{ kind: 'Experiment', name: 'e', source, before: 'hits', after: 'refused', message: 'no' }],
    });
    assert.deepEqual(lines(check, 'loosened').slice(0, 2), [
      '::warning file=policy.yaml,line=2,col=1,title=Refused::experiment/e is unchanged, and is refused now: no',
      '::error file=policy.yaml,line=2,col=1,title=Limit loosened::maxTargets is looser over all Policies: 2 -> 5',
    ]);
    assert.match(lines(checkOf([], { limits }))[0] ?? '', /^::warning title=Limit loosened::/);
  });

  it('begin with the problems and end with the verdict', () => {
    const problem = {
      code: 'SQ101',
      severity: 'error',
      file: 'a,b.yaml',
      line: 4,
      column: 2,
      path: '',
      message: 'bad',
    } as const;
    assert.deepEqual(lines(checkOf([], { problems: [problem] })), [
      '::error file=a%2Cb.yaml,line=4,col=2,title=SQ101::SQ101 bad',
      '::notice title=Squall plan::1 error in manifests',
    ]);
  });
});
