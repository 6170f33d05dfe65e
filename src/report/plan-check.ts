import type { Json } from '../core/canonical.ts';
import type { Kind } from '../core/kinds.ts';
import type { Source } from '../core/types.ts';
import type { Problem } from '../manifests/problem.ts';
import { plural } from './problems.ts';

/** What a change of manifests would do: two trees compared. `-o json` prints it as it is; docs/pull-requests.md describes it. */
export interface PlanCheck {
  base: BaseInfo;
  containers: ContainersInfo;
  summary: CheckSummary;
  /** What is added, changed or removed, in the order of kinds and names. */
  objects: ObjectChange[];
  /** What is unchanged itself, and comes out otherwise all the same. */
  affected: AffectedObject[];
  /** What all Policies together say, where the change makes that another. */
  limits: LimitChange[];
  /** Of the new tree. */
  problems: Problem[];
  /** What else a reader should know. */
  notes: string[];
}

export interface BaseInfo {
  /** As it was given; null where there is none: everything counts as added then. */
  given: string | null;
  /** 40 (or 64) hex digits; null for a directory. */
  commit: string | null;
}

export interface ContainersInfo {
  /** Where they are known from: this host's engine, a recorded inventory, or nowhere. */
  from: 'engine' | 'inventory' | 'none';
  count: number;
}

export interface CheckSummary {
  added: number;
  changed: number;
  removed: number;
  unchanged: number;
  /** Objects of the new tree that are added, changed or affected, and would be refused. */
  refused: number;
  /** Limits that are looser, or other ones. */
  loosened: number;
  /** Containers that what is added or changed would hit, each counted once. */
  hit: number;
  /** Added or changed objects of which nobody can tell what they hit, for want of containers. */
  unknown: number;
}

export interface FieldChange {
  /** `spec.faults[0].ports` */
  path: string;
  /** Left out where the field is new. */
  from?: Json;
  /** Left out where the field is gone. */
  to?: Json;
}

export interface ObjectChange {
  change: 'added' | 'changed' | 'removed';
  kind: Kind;
  name: string;
  /** Where it stands; for what is removed, where it stood. */
  source: Source;
  /** Of what is changed. */
  fields: FieldChange[];
  /** Null for what is added. */
  before: Preview | null;
  /** Null for what is removed. */
  after: Preview | null;
  /** Schedules and scenarios that start this experiment or scenario: `schedule/nightly`. */
  startedBy: string[];
  /** What of it is in the world now, as the journal of this host has it. */
  active: { target: string; fault: string }[];
}

/** What an object of one tree would do. */
export interface Preview {
  /** By itself it does nothing. */
  suspended: boolean;
  outcome: Outcome;
  /** Of a Schedule. */
  schedule: SchedulePreview | null;
  /** Of a Scenario: all its steps. */
  steps: { path: string; kind: string; title: string }[];
  /** An Experiment itself; what a Schedule starts; those of a Scenario's steps. */
  experiments: ExperimentPreview[];
  /** Of a Policy: what of the same tree it refuses, or lets wait. */
  refuses: { object: string; outcome: 'waits' | 'refused'; message: string }[];
}

/**
 * `hits`: faults would go in. `waits`: nothing happens now, and something will without another edit (a container comes, a window opens).
 * `refused`: a Policy, its own limits or a fault say no. `unknown`: nobody knows the containers. `nothing`: it has no targets at all.
 */
export type Outcome = 'hits' | 'waits' | 'refused' | 'unknown' | 'nothing';

export interface ExperimentPreview {
  /** Null where a schedule or a step holds the experiment itself. */
  name: string | null;
  /** Of a scenario: `steps[0].parallel[1]`. */
  step: string | null;
  outcome: Outcome;
  /** `SQ214`; null where nothing is said against it. */
  code: string | null;
  reason: string;
  /** Why it waits or is refused; what is left out where it hits. */
  message: string;
  /** As written: `60s`. */
  duration: string;
  faults: { type: string; parameters: string }[];
  /** The selector and the mode, as written. */
  select: string;
  mode: string;
  /** Chosen containers by name; where they are drawn at random, as many as there would be. */
  targets: string[];
  /** Set where the choice is made anew for each run: out of these. */
  drawnFrom: string[] | null;
  /** Hit only because they share a network namespace with a target. */
  sharers: string[];
  /** Over targets and sharers. */
  services: ServiceShare[];
}

export interface ServiceShare {
  /** `project/service`; null for containers of none. */
  service: string | null;
  hit: number;
  of: number;
}

export interface SchedulePreview {
  cron: string;
  timeZone: string;
  /** `experiment/redis-slow`, `scenario/game-day`, or `an experiment of its own`. */
  starts: string;
  /** The next ones, three at most. */
  times: { utc: string; local: string; outcome: Outcome; message: string }[];
}

export interface LimitChange {
  /** The field of the Policies: `maxTargets`. */
  limit: string;
  from: string;
  to: string;
  /** `different`: it permits something that was refused, and refuses something that was permitted; or nobody can tell. */
  direction: 'tighter' | 'looser' | 'different';
}

export interface AffectedObject {
  kind: Kind;
  name: string;
  source: Source;
  before: Outcome;
  after: Outcome;
  message: string;
}

/** What `--fail-on` may name. */
export const FINDINGS = ['refused', 'loosened', 'hit'] as const;
export type Finding = (typeof FINDINGS)[number];

/** Whether the change has it. What may hit containers that nobody knows counts as hitting them. */
export function hasFinding({ summary }: PlanCheck, finding: Finding): boolean {
  return finding === 'hit' ? summary.hit + summary.unknown > 0 : summary[finding] > 0;
}

/** `experiment/redis-slow` */
export function objectName({ kind, name }: { kind: Kind; name: string }): string {
  return `${kind.toLowerCase()}/${name}`;
}

/** `5 containers would be hit, 1 object refused, 1 limit loosened`; or that nothing is. */
export function verdictOf({ summary, problems }: PlanCheck): string {
  const { hit, unknown, refused, loosened } = summary;
  const wrong = problems.filter(({ severity }) => severity === 'error').length;
  const parts = [
    wrong > 0 && `${plural(wrong, 'error')} in manifests`,
    refused > 0 && `${plural(refused, 'object')} refused`,
    loosened > 0 && `${plural(loosened, 'limit')} loosened`,
    hit > 0 && `${plural(hit, 'container')} would be hit`,
    unknown > 0 && `${plural(unknown, 'object')} may hit containers that are not known here`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? 'nothing would be hit or refused' : parts.join(', ');
}

/** `2 added, 1 changed, 0 removed, 7 unchanged` */
export function countsOf({ summary }: PlanCheck): string {
  const { added, changed, removed, unchanged } = summary;
  return `${added} added, ${changed} changed, ${removed} removed, ${unchanged} unchanged`;
}

/** `12 containers, from this host's engine` */
export function containersText({ containers: { from, count } }: PlanCheck): string {
  if (from === 'none') return 'no containers are known: what would be hit is not told';
  return `${plural(count, 'container')}, from ${from === 'engine' ? "this host's engine" : 'the inventory'}`;
}

/** `2 of 3 of shop/worker (67 %)`; `name` writes the service. */
export function shareText({ service, hit, of }: ServiceShare, name = (text: string) => text): string {
  const whose = service === null ? ' of no service' : ` of ${name(service)}`;
  return `${hit} of ${of}${whose} (${of === 0 ? 100 : Math.round((hit * 100) / of)} %)`;
}

/** How many containers, whatever they are hit by. */
export function hitCount({ targets, sharers }: ExperimentPreview): number {
  return targets.length + sharers.length;
}

/** Who is hit, in short: names, or `2 of` those that are drawn from. Empty where nobody is. */
export function whoText({ experiments }: Preview, write = (text: string) => text): string {
  const each = experiments.map(({ targets, sharers, drawnFrom }) => {
    if (drawnFrom) return `${targets.length} of ${namesText(drawnFrom, write)}`;
    return namesText([...targets, ...sharers], write);
  });
  return [...new Set(each)].filter((text) => text !== '').join('; ');
}

/** Ten at most, and how many more. */
export function namesText(names: readonly string[], write = (text: string) => text): string {
  const shown = names.slice(0, MOST_NAMES).map(write).join(', ');
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}

const MOST_NAMES = 10;

/** A value of a manifest on one line: texts as they are, the rest as JSON. */
export function valueText(value: Json | undefined): string {
  if (value === undefined) return '(not set)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `2026-11-24 03:00 Europe/Zurich (2026-11-24 02:00 UTC)`, with seconds where there are any. */
export function timeText({ utc, local }: SchedulePreview['times'][number], timeZone: string): string {
  const wall = wallOf(local);
  return timeZone === 'UTC' ? `${wall} UTC` : `${wall} ${timeZone} (${wallOf(utc)} UTC)`;
}

function wallOf(iso: string): string {
  const seconds = iso.slice(16, 19);
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}${seconds === ':00' ? '' : seconds}`;
}
