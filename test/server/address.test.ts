import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../src/server/address.ts';

describe('an address to listen on', () => {
  const right: [string, string | undefined, number][] = [
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    [':8080', undefined, 8080],
    ['[::1]:8080', '::1', 8080],
    ['[::]:0', '::', 0],
    ['[fe80::1%eth0]:65535', 'fe80::1%eth0', 65_535],
    ['localhost:0', 'localhost', 0],
    ['my_host.example.:80', 'my_host.example.', 80],
  ];
  for (const [text, host, port] of right)
    it(`may be ${text}`, () => assert.deepEqual(parseAddress(text), { host, port }));

  const wrong: [string, RegExp][] = [
    ['8080', /HOST:PORT/],
    ['', /HOST:PORT/],
    ['localhost', /HOST:PORT/],
    ['localhost:', /HOST:PORT/],
    ['localhost:http', /HOST:PORT/],
    [':65536', /65535/],
    [':-1', /HOST:PORT/],
    ['1.2.3:80', /HOST:PORT/],
    ['1.2.3.256:80', /HOST:PORT/],
    ['::1', /brackets/],
    ['::1:8080', /brackets/],
    ['[127.0.0.1]:80', /HOST:PORT/],
    ['[]:80', /HOST:PORT/],
    ['http://127.0.0.1:8080', /without a scheme/],
    ['-x:80', /HOST:PORT/],
    ['a b:80', /HOST:PORT/],
  ];
  for (const [text, hint] of wrong)
    it(`may not be "${text}"`, () => {
      assert.throws(
        () => parseAddress(text),
        (error: { code: string; message: string; hint: string }) => {
          assert.equal(error.code, 'SQ501');
          assert.ok(error.message.includes(`"${text}"`));
          assert.match(error.hint, hint);
          return true;
        },
      );
    });

  it('is read back as it was written', () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    const hosts = fc.oneof(
      fc.ipV4().map((host) => [host, host] as const),
      fc.ipV6().map((host) => [host, `[${host}]`] as const),
      fc.domain().map((host) => [host, host] as const),
    );
    fc.assert(
      fc.property(hosts, port, ([host, written], number) => {
        assert.deepEqual(parseAddress(`${written}:${number}`), { host, port: number });
      }),
    );
  });

  it('is refused as bad usage, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const { port } = parseAddress(text);
          assert.ok(port >= 0 && port <= 65_535);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'SQ501');
        }
      }),
    );
  });
});
