import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { DEVICE_PREFIX } from '../../src/core/marks.ts';
import type { LabContainer } from '../lab/lab.ts';
import { type OneWay, stream } from '../lab/measure.ts';
import { throughput, udpThroughput } from '../lab/throughput.ts';
import { inNetns } from './net-support.ts';

/** A path that packets take: `address` is one of `to`. */
export interface Path {
  from: LabContainer;
  to: LabContainer;
  address: string;
  proto: 'tcp' | 'udp';
  port?: number;
  /** Of UDP only. */
  sourcePort?: number;
}

/** Bytes of headers beside the payload of a datagram, and of a full TCP segment with timestamps, in a packet of 1,514. */
const UDP_BYTES = 1200;
const UDP_HEADERS = { v4: 42, v6: 62 };
const TCP_BYTES = { v4: 1448, v6: 1428 };
const TCP_PACKET = 1514;

/** For how long a rate is measured (ms), and what does not count at the beginning: the burst, and TCP finding its speed. */
const MEASURED = { durationMs: 1500, skipMs: 400 };

/**
 * The bits per second that pass, headers included as a shaper counts them, when two and a half times `rate` is sent (UDP), or all that
 * fits (TCP).
 */
export async function passing(path: Path, rate: number, measured = MEASURED): Promise<number> {
  const { from, to, address, proto, port, sourcePort } = path;
  const family = isIPv6(address) ? 'v6' : 'v4';
  const ports = { ...(port && { port }), ...(sourcePort && { sourcePort }) };
  if (proto === 'udp') {
    const offered = (2.5 * rate) / 8;
    // Nobody waits for what is in the queue at the end.
    const sending = { ...ports, ...measured, offered, timeoutMs: 100 };
    const { bytesPerSecond } = await udpThroughput(from, to, address, sending);
    return (bytesPerSecond * 8 * (UDP_BYTES + UDP_HEADERS[family])) / UDP_BYTES;
  }
  const { bytesPerSecond } = await throughput(from, to, address, { ...ports, ...measured });
  return (bytesPerSecond * 8 * TCP_PACKET) / TCP_BYTES[family];
}

/** A busy machine spoils a measure now and then. A rate that is wrong stays wrong. */
const TRIES = 3;

/** Asserts that what passes is the rate, within 10 %. */
export async function assertRate(path: Path, rate: number, name: string): Promise<void> {
  const seen: number[] = [];
  while (seen.length < TRIES) {
    const bits = await passing(path, rate);
    if (Math.abs(bits / rate - 1) <= 0.1) return;
    seen.push(Math.round(bits));
  }
  assert.fail(`${name}: ${seen.join(', ')} bits a second of ${rate}`);
}

/** How many times `rate` passes of the two and a half times that are sent, measured in a hurry: datagrams allow it. */
export async function share(path: Path, rate = 8e6): Promise<number> {
  return (await passing(path, rate, { durationMs: 500, skipMs: 150 })) / rate;
}

/** Asserts that a `share` is about the rate, or about all that was sent. */
export function assertShare(actual: number, limited: boolean, name: string): void {
  const right = limited ? actual > 0.7 && actual < 1.4 : actual > 2;
  assert.ok(right, `${name}: ${actual} times the rate, ${limited ? 'limited' : 'free'} as it should be`);
}

/** A flood of 1,000 datagrams in a second: 10 Mbit/s. */
export function flooding({ from, to, address, port, sourcePort }: Path): Promise<OneWay> {
  const ports = { ...(port && { port }), ...(sourcePort && { sourcePort }) };
  return stream(from, to, address, { ...ports, count: 1000, intervalMs: 1, bytes: UDP_BYTES });
}

/**
 * Asserts that a flood came through as if nothing were there. A busy machine delays many for some time, but not all: a tenth is as fast as
 * ever. In the queue of a full path they would be hundreds of ms late, or lost.
 */
export function assertUntouched({ lost, delayMs }: OneWay, name: string): void {
  assert.deepEqual(lost, [], `${name}: lost`);
  const sorted = delayMs.filter((delay) => delay !== null).sort((a, b) => a - b);
  const [fast = 0, median = 0] = [
    sorted[Math.floor(sorted.length / 10)],
    sorted[Math.floor(sorted.length / 2)],
  ];
  assert.ok(fast < 2 && median < 100, `${name}: a tenth within ${fast} ms, half within ${median} ms`);
}

/** Squall's devices in the container's network namespace, sorted. */
export async function devicesIn(container: LabContainer): Promise<string[]> {
  const links = await inNetns(container, 'ip', '-o', 'link', 'show', 'type', 'ifb');
  return links
    .split('\n')
    .map((line) => line.split(': ')[1] ?? '')
    .filter((name) => name.startsWith(DEVICE_PREFIX))
    .sort();
}
