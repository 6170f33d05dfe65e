import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Lab, openLab } from '../lab/lab.ts';
import { type Scratch, scratch, squall } from './fixture.ts';

let lab: Lab;
let place: Scratch;
let project: string;

before(async () => {
  lab = await openLab('init');
  place = scratch();
  project = `shop-${lab.label}`;
  const network = await lab.network();
  await lab.run({ project, service: 'api', network });
  await lab.run({ project, service: 'redis', network, optIn: false });
});

after(async () => {
  place.remove();
  await lab.close();
});

describe('init where containers run', () => {
  it('fills the example with them, and the plan finds them', async () => {
    const repo = join(place.dir, 'repo');
    const { code, err } = await squall(['init', repo, '--project', project]);
    assert.equal(code, 0);
    assert.match(err, new RegExp(`^The example is for the service api of the compose project ${project}\n`));
    assert.doesNotMatch(err, /opt in/);
    const { spec } = parse(readFileSync(join(repo, 'experiments/example.yaml'), 'utf8'));
    assert.deepEqual(spec.targets.select, { project, services: ['api'] });
    assert.deepEqual(spec.faults[0].to, [{ service: 'redis' }]);
    const state = join(place.dir, 'state');
    const plan = await squall(['plan', join(repo, 'experiments'), join(repo, 'schedules'), '--state', state]);
    assert.equal(plan.code, 0, plan.err);
    assert.match(plan.out, /example: Suspended/);
  });

  it('names the nearest where the project is another', async () => {
    const { code, err } = await squall(['init', join(place.dir, 'other'), '--project', project.slice(0, -1)]);
    assert.equal(code, 0);
    assert.match(
      err,
      new RegExp(`^No container of the compose project .* runs. Did you mean "${project}"\\?\n`),
    );
  });
});
