import type { Answer, Ask } from './agent-io.ts';
import { openTcp, push, type TcpJob } from './agent-tcp.ts';
import { openUdp, type UdpJob } from './agent-udp.ts';
import { endWithParent, tell } from './child-io.ts';

/** Does the sending, receiving and counting of one network namespace, many jobs side by side: see measure.ts. */
const udp = new Map<number, UdpJob>();
const tcp = new Map<number, TcpJob>();

function find<T>(jobs: Map<number, T>, id: number): T {
  const job = jobs.get(id);
  if (!job) throw new Error(`no job ${id} is open`);
  return job;
}

async function work(ask: Ask): Promise<Answer | undefined> {
  const { id } = ask;
  switch (ask.do) {
    case 'udp': {
      const job = await openUdp(ask.family, ask.port, ask.echo, ask.host);
      udp.set(id, job);
      return { id, type: 'ready', port: job.port };
    }
    case 'send':
      return { id, type: 'sent', ...(await find(udp, id).send(ask.options)) };
    case 'stop':
      find(udp, id).stop();
      return undefined;
    case 'collect': {
      const got = await find(udp, id).collect(ask.expect, ask.quietMs, ask.limitMs);
      udp.delete(id);
      return { id, type: 'collected', ...got };
    }
    case 'tcp': {
      const job = await openTcp(ask.family, ask.port);
      tcp.set(id, job);
      return { id, type: 'ready', port: job.port };
    }
    case 'meter': {
      const got = await find(tcp, id).meter(ask.skipMs, ask.endMs, ask.limitMs);
      tcp.delete(id);
      return { id, type: 'metered', ...got };
    }
    case 'push':
      await push(ask, ask.forMs, ask.limitMs);
      return { id, type: 'pushed' };
  }
}

endWithParent((line) => {
  const ask = JSON.parse(line) as Ask;
  work(ask).then(
    (answer) => answer && tell(answer),
    (error) => tell({ id: ask.id, type: 'failed', message: String(error) } satisfies Answer),
  );
});
