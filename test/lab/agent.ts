import type { Answer, Ask } from './agent-io.ts';
import { type Child, type Inside, startChild } from './child.ts';

/** The process that measures inside a network namespace: one for all measures there. */
export interface Agent {
  /** A job that is not opened yet, or needs no opening. */
  job(): Job;
  /** Opens a socket or a server. */
  open(ask: Opening): Promise<Job & { port: number }>;
}

export interface Job {
  tell(ask: AskOf<Ask>): void;
  /** Rejects with what the agent says went wrong. */
  ask<Type extends Answer['type']>(ask: AskOf<Ask>, type: Type): Promise<Extract<Answer, { type: Type }>>;
}

/** An ask without the id, which the job adds. */
type AskOf<A> = A extends unknown ? Omit<A, 'id'> : never;
type Opening = AskOf<Extract<Ask, { do: 'udp' | 'tcp' }>>;

const agents = new WeakMap<Inside, { pid: number; agent: Promise<Agent> }>();
let jobs = 0;

/** It ends with the cell or the container's lab; one that was started again gets another. */
export async function agentOf(inside: Inside): Promise<Agent> {
  const pid = await inside.pid();
  const known = agents.get(inside);
  if (known?.pid === pid) return known.agent;
  const agent = startChild<Answer>(inside, 'agent-child.ts', {}).then((child) => ({
    job: () => jobOf(child, ++jobs),
    open: async (ask: Opening) => {
      const job = jobOf(child, ++jobs);
      const { port } = await job.ask(ask, 'ready');
      return { ...job, port };
    },
  }));
  agents.set(inside, { pid, agent });
  return agent;
}

function jobOf(child: Child<Answer>, id: number): Job {
  const tell = (ask: AskOf<Ask>) => child.write(JSON.stringify({ ...ask, id }));
  return {
    tell,
    ask: async (ask, type) => {
      const answer = child.next((one) => one.id === id && (one.type === type || one.type === 'failed'));
      tell(ask);
      const got = await answer;
      if (got.type === 'failed') throw new Error(got.message);
      return got as Extract<Answer, { type: typeof type }>;
    },
  };
}
