import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { editDistance, nearMiss } from '../../src/core/near-miss.ts';

describe('near misses', () => {
  const cases: [string, string, number][] = [
    ['ports', 'ports', 0],
    ['porst', 'ports', 1],
    ['port', 'ports', 1],
    ['prots', 'ports', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ];
  for (const [a, b, distance] of cases)
    it(`counts ${distance} edits from "${a}" to "${b}", either way`, () => {
      assert.equal(editDistance(a, b), distance);
      assert.equal(editDistance(b, a), distance);
    });

  it('finds the nearest word, whatever its case', () => {
    assert.equal(nearMiss('experimnet', ['Schedule', 'Experiment']), 'Experiment');
    assert.equal(nearMiss('port', ['sort', 'ports', 'sports']), 'sort');
  });

  it('finds nothing for a word that is known, or that is far from all', () => {
    assert.equal(nearMiss('one', ['one', 'ones']), undefined);
    assert.equal(nearMiss('chaos', ['duration', 'targets']), undefined);
    assert.equal(nearMiss('x', ['y', 'z']), undefined);
  });
});
