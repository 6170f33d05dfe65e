import { DatabaseSync } from 'node:sqlite';
import { takeLock } from '../../src/journal/lock.ts';

/** A child that takes the lock on a file (argument 1) and keeps it, or reads it for so many ms (argument 2). Says `held`. */
const [, , file = '', ms] = process.argv;
if (ms === undefined) {
  const lock = takeLock(file);
  console.log(lock ? 'held' : 'refused');
  if (lock) setInterval(() => {}, 1000);
} else {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec('BEGIN');
  db.prepare('SELECT count(*) FROM sqlite_schema').get();
  console.log('held');
  setTimeout(() => db.close(), Number(ms));
}
