#!/usr/bin/env node
import { flush, processIo } from './cli/io.ts';
import { main } from './cli/program.ts';

const code = await main(process.argv.slice(2), processIo());
await flush();
process.exit(code);
