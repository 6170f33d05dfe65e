import { type DaemonOptions, runDaemon } from '../../src/daemon/daemon.ts';

/** The daemon as the tests start it: its options as JSON. The same code as `squall daemon`, without the command line. */
await runDaemon(JSON.parse(process.argv[2] ?? '{}') as DaemonOptions);
