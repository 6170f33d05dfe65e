/**
 * npm run bench [-- --help]
 *
 * Measures the way from a file to its effect on packets, beside the least that any tool would need (bench/). Slow is no failure.
 */
import { main } from './bootstrap.mjs';
import { session } from './session.mjs';

main(() => session('bench/bench.ts', process.argv.slice(2)));
