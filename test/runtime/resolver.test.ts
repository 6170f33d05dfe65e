import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { candidateNames, hostsEntries, parseResolvConf } from '../../src/runtime/resolver.ts';

describe('parseResolvConf', () => {
  it('reads servers, search domains and ndots', () => {
    const text =
      '# made by docker\nsearch corp.example lab.example\nnameserver 127.0.0.11\nnameserver fe80::1%eth0\noptions edns0 ndots:2\n';
    assert.deepEqual(parseResolvConf(text), {
      servers: ['127.0.0.11', 'fe80::1'],
      search: ['corp.example', 'lab.example'],
      ndots: 2,
    });
  });

  it('leaves out what is no address, and means the local server then', () => {
    assert.deepEqual(parseResolvConf('nameserver dns.example\nsearch .\n'), {
      servers: ['127.0.0.1'],
      search: [],
      ndots: 1,
    });
  });
});

describe('candidateNames', () => {
  const conf = { search: ['a.example', 'b.example.'], ndots: 1 };

  it('tries a name with enough dots as it is first', () => {
    assert.deepEqual(candidateNames('db.corp', conf), ['db.corp', 'db.corp.a.example', 'db.corp.b.example']);
  });

  it('tries a short name in the search domains first', () => {
    assert.deepEqual(candidateNames('db', conf), ['db.a.example', 'db.b.example', 'db']);
  });

  it('takes a name with a final dot as it is', () => {
    assert.deepEqual(candidateNames('db.', conf), ['db']);
  });
});

describe('hostsEntries', () => {
  it('finds every address of a name, in any case, and no comment', () => {
    const text = '127.0.0.1 localhost\n10.0.0.5\tDB db.corp # main\nfd00::5 db\n#10.0.0.6 db\n';
    assert.deepEqual(hostsEntries(text, 'db'), ['10.0.0.5', 'fd00::5']);
    assert.deepEqual(hostsEntries(text, 'main'), []);
  });
});
