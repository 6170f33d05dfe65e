import type { LogLevel } from '../core/log.ts';
import { runSentinel } from './sentinel.ts';

/** What the daemon starts detached. The one argument is JSON: state, dockerHost, logLevel. */
const given = JSON.parse(process.argv[2] ?? '{}') as {
  state: string;
  dockerHost?: string;
  logLevel: LogLevel;
};
await runSentinel({
  state: given.state,
  dockerHost: given.dockerHost,
  logLevel: given.logLevel,
  detached: true,
});
