/** Runs inside a target's network namespace: a question (JSON) on standard input, the answer on standard output. */
import { Resolver } from 'node:dns/promises';
import { text } from 'node:stream/consumers';
import type { Answer, Question } from './resolver.ts';

/** A server said so; everything else means that it did not answer. */
const NO_SUCH = ['ENOTFOUND', 'ENODATA', 'NOTFOUND', 'NODATA'];

const question = JSON.parse(await text(process.stdin)) as Question;
const resolver = new Resolver({ timeout: Math.ceil(question.timeout / 3), tries: 2 });
resolver.setServers(question.servers);
const limit = setTimeout(() => resolver.cancel(), question.timeout);
const answer = await ask(question.names);
clearTimeout(limit);
process.stdout.write(JSON.stringify(answer));

async function ask(names: readonly string[]): Promise<Answer> {
  let silent = false;
  for (const name of names) {
    const results = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    if (addresses.length > 0) return { addresses, silent };
    silent ||= results.some(
      (result) => result.status === 'rejected' && !NO_SUCH.includes(result.reason.code),
    );
  }
  return { addresses: [], silent };
}
