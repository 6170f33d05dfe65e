import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';

describe('two experiments that want the same packets', () => {
  let lab: Lab;
  let site: Site;
  before(async () => {
    lab = await openLab('conflict');
    site = openSite('conflict');
    await site.start();
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  test('the later is denied, naming the other, and starts once that has ended, long before the next resync', async () => {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network }), await lab.run({ network })];
    const narrow = (rate: string) => ({ type: 'network-bandwidth', rate, to: [{ container: peer.name }] });
    const phase = (name: string) => site.experiment(name)?.phase;
    site.write('first.yaml', experiment('first', target, [narrow('1mbit')]));
    await until('the first to run', () => phase('first') === 'Running' && true);
    site.write('second.yaml', experiment('second', target, [narrow('2mbit')]));
    await until('the second to be denied', () => phase('second') === 'Denied' && true);
    const { reason, message } = site.experiment('second') ?? {};
    assert.equal(reason, 'Conflict');
    assert.match(
      message ?? '',
      /under network-bandwidth of experiment first: both want its egress packets to/,
    );
    site.remove('first.yaml');
    await until('the second to run', () => phase('second') === 'Running' && true, 5000);
  });
});
