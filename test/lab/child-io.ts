/**
 * What the small programs inside containers' network namespaces share. They are started as `node X-child.ts OPTIONS` (JSON),
 * talk JSON lines over stdout, and end when stdin closes: that is when their parent ended, however it ended.
 */

/** The options the parent gave. */
export function childOptions<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

/** Sends one message to the parent. */
export function tell(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Ends this process when the parent closes stdin. `onLine` gets what the parent writes before. */
export function endWithParent(onLine: (line: string) => void = () => {}): void {
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (text: string) => text.split('\n').filter(Boolean).forEach(onLine));
  process.stdin.on('close', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
  process.stdout.on('error', () => process.exit(0));
}

/** ms since the epoch as Date.now() counts them, with a fraction. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A datagram or message: its number and nothing else. */
export function encodeSeq(seq: number): Buffer {
  const message = Buffer.alloc(8);
  message.writeUInt32BE(seq);
  return message;
}
