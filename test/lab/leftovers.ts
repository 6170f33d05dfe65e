import Docker from 'dockerode';
import { LABEL_LAB_RUN, sweep } from './lab.ts';

/** `node leftovers.ts RUN`: removes and prints what carries the label squall.lab.run=RUN; exit code 1 where there was any. */
const run = process.argv[2];
if (!run) throw new Error('usage: leftovers.ts RUN');
const left = await sweep(new Docker(), `${LABEL_LAB_RUN}=${run}`);
for (const name of left) console.log(name);
process.exitCode = left.length === 0 ? 0 : 1;
