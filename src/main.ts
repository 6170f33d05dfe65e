#!/usr/bin/env node
import { processIo } from './cli/io.ts';
import { main } from './cli/program.ts';

process.exit(await main(process.argv.slice(2), processIo()));
