import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureOf } from '../../../src/probes/net/failure.ts';

const failed = (fields: object, message = 'connect ESOMETHING') => Object.assign(new Error(message), fields);

describe('why a connection failed', () => {
  it('is said in words, with the address', () => {
    const refused = failed({ code: 'ECONNREFUSED', address: '10.0.0.7', port: 80 });
    assert.equal(failureOf(refused), 'connection refused (10.0.0.7:80)');
    const six = failed({ code: 'EHOSTUNREACH', address: 'fd00::7', port: 80 });
    assert.equal(failureOf(six), 'no route to the host ([fd00::7]:80)');
    const unknown = failed({ code: 'ENOTFOUND', hostname: 'shop.example' });
    assert.equal(failureOf(unknown), 'the name does not resolve (shop.example)');
  });

  it('is said of each address of a name, once', () => {
    const errors = ['::1', '127.0.0.1', '127.0.0.1'].map((address) =>
      failed({ code: 'ECONNREFUSED', address, port: 80 }),
    );
    const all = new AggregateError(errors, '');
    assert.equal(failureOf(all), 'connection refused ([::1]:80), connection refused (127.0.0.1:80)');
  });

  it('is what the error says where there are no better words, on one printable line', () => {
    assert.equal(
      failureOf(failed({ code: 'CERT_HAS_EXPIRED' }, 'certificate\u001b has\nexpired')),
      'certificate has expired',
    );
    assert.equal(failureOf(failed({ code: 'EODD' }, '')), 'EODD');
    assert.equal(failureOf('odd'), 'odd');
  });
});
