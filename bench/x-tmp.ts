import { openSite } from '../test/lab/daemon.ts';
import { openPair, cutOff, uniqueProject } from './pair.ts';
import { until } from '../test/lab/until.ts';
const P={name:'dl',project:uniqueProject('dl'),client:'c',server:'s',intervalMs:5};
const pair=await openPair(P); const site=openSite('dl');
try{ const d=await site.start();
for(let i=0;i<25;i++){ const n='x'+i; const l=pair.pings.waitForLoss(); site.write('x.json',cutOff(n,'700ms',P)); await l; const ends=site.run(n)!.deadline.wall; const mark=d.log().length; const b=await pair.pings.waitForReply(); const late=b-ends; 
await until('done',()=>site.run(n)?.endedAt);
console.log(i,late.toFixed(0)); if(late>150){console.log(d.log().slice(mark).split('\n').filter(l=>!l.includes('container')).map(l=>'   '+l.slice(0,220)).join('\n')); console.log('   ', 'deadline',new Date(ends).toISOString(), JSON.stringify(site.effects(n).map(e=>[e.phase,e.recoveringAt,e.recoveredAt])));}
site.remove('x.json'); await until('f',()=>!site.experiment(n)); }
}finally{await site.close();await pair.close();}
