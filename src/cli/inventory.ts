import type { Command } from 'commander';
import { formatJson } from '../report/json.ts';
import type { Io } from './io.ts';
import { dockerHostOption } from './options.ts';
import { action, type Cli } from './verb.ts';

export function addInventory(program: Command, cli: Cli): void {
  program
    .command('inventory')
    .description("record this host's containers as JSON, for `squall plan --inventory` elsewhere")
    .addOption(dockerHostOption())
    .action(action(cli, inventory));
}

async function inventory(io: Io, { dockerHost }: { dockerHost?: string }): Promise<undefined> {
  const { createDocker } = await import('../runtime/docker.ts');
  const { inventoryOf } = await import('./check/inventory.ts');
  const engine = createDocker(dockerHost === undefined ? {} : { host: dockerHost });
  try {
    io.out(formatJson(inventoryOf(await engine.list())));
  } finally {
    engine.close();
  }
}
