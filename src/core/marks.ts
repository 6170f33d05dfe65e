import { hash } from './canonical.ts';

/** Opt-in, protection and identity labels on containers. */
export const LABEL_ENABLED = 'squall.enabled';
export const LABEL_PROTECT = 'squall.protect';
/** `true`: probes may run programs in it, though no fault may be put on it. */
export const LABEL_EXEC = 'squall.exec';
/** On Squall's own containers (daemon, sentinel, helpers): never a target. */
export const LABEL_SELF = 'squall.self';
export const LABEL_PROJECT = 'com.docker.compose.project';
export const LABEL_SERVICE = 'com.docker.compose.service';
/** `True` on a container of `docker compose run`: it is none of its service's. */
export const LABEL_ONE_OFF = 'com.docker.compose.oneoff';

/** Every chain Squall makes begins with this; nothing else is ever removed. */
export const CHAIN_PREFIX = 'SQ-';

/** Every network device Squall makes begins with this. */
export const DEVICE_PREFIX = 'sq-';

/** What a rule says about itself, in its comment: who made it, for what, and until when. */
export interface Mark {
  /** The instance id of the state directory, 8 hex digits. */
  instance: string;
  experiment: string;
  run: string;
  /** ms since the epoch. */
  deadline: number;
}

/**
 * The base name of an effect's chains: `SQ-` + 12 hex digits of the run + `-` + slot. Kinds append `o` or `i` (and `v` for the
 * verdict chain). Chain names hold 28 characters (iptables(8)).
 */
export function chainBase(instance: string, run: string, slot: number): string {
  return `${CHAIN_PREFIX}${hash(`${instance}/${run}`, 12)}-${slot}`;
}

/** The name of the device that holds back an effect's packets of one way: 15 characters, the most that Linux takes. */
export function deviceName(instance: string, run: string, slot: number, way: 'egress' | 'ingress'): string {
  return `${DEVICE_PREFIX}${hash(`${instance}/${run}/${slot}/${way}`, 12)}`;
}

const COMMENT = /^squall i=(\S+) e=(\S+) r=(\S+) d=(\d+)$/;

/** At most 255 bytes (xt_comment): names hold 63 characters, runs 90. */
export function formatMark(mark: Mark): string {
  return `squall i=${mark.instance} e=${mark.experiment} r=${mark.run} d=${Math.round(mark.deadline)}`;
}

export function parseMark(comment: string): Mark | undefined {
  const match = COMMENT.exec(comment);
  if (!match) return undefined;
  const [, instance, experiment, run, deadline] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
  ];
  return { instance, experiment, run, deadline: Number(deadline) };
}
