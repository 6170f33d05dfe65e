import { sameJson } from '../core/canonical.ts';
import {
  type AnyManifest,
  type Kind,
  type Manifest,
  type ObjectId,
  objectId,
  parseObjectId,
} from '../core/kinds.ts';
import type { Source } from '../core/types.ts';
import { compareText, describeProblem, type Problem, sortProblems } from './problem.ts';
import type { UnparsedPolicy } from './unparsed-policy.ts';

/** What the manifests want, whole. Immutable: a change replaces it. */
export interface DesiredState {
  /** All of it, in the order of kinds and names. */
  objects: ReadonlyMap<ObjectId, AnyManifest>;
  /** By name, in the order of names. */
  experiments: ReadonlyMap<string, Manifest<'Experiment'>>;
  schedules: ReadonlyMap<string, Manifest<'Schedule'>>;
  scenarios: ReadonlyMap<string, Manifest<'Scenario'>>;
  policies: ReadonlyMap<string, Manifest<'Policy'>>;
  problems: readonly Problem[];
}

export const NOTHING_DESIRED: DesiredState = desiredState([], []);

/** Objects of different kinds and names -> the state that they make. */
export function desiredState(objects: Iterable<AnyManifest>, problems: readonly Problem[]): DesiredState {
  const sorted = [...objects]
    .map((manifest): [ObjectId, AnyManifest] => [idOf(manifest), manifest])
    .sort(([a], [b]) => compareText(a, b));
  const named = <K extends Kind>(kind: K): ReadonlyMap<string, Manifest<K>> =>
    new Map(
      sorted.flatMap(([, manifest]): [string, Manifest<K>][] =>
        manifest.kind === kind ? [[manifest.name, manifest as unknown as Manifest<K>]] : [],
      ),
    );
  return {
    objects: new Map(sorted),
    experiments: named('Experiment'),
    schedules: named('Schedule'),
    scenarios: named('Scenario'),
    policies: named('Policy'),
    problems,
  };
}

export function idOf({ kind, name }: Pick<AnyManifest, 'kind' | 'name'>): ObjectId {
  return objectId(kind, name);
}

/** A document that is wrong. */
export interface Broken {
  source: Source;
  /** False where its kind can only be guessed. */
  sure: boolean;
}

/** What one file gave when it was read. */
export interface FileReading {
  /** The documents that are right. */
  declared: AnyManifest[];
  problems: Problem[];
  /** The documents that are wrong, where they stand. `all`: there is one whose name cannot be told, so it could be any of the file's. */
  broken: ReadonlyMap<ObjectId, Broken> | 'all';
  /** The Policy that a file which does not parse was meant to hold. */
  unparsed?: UnparsedPolicy;
}

/**
 * The file's documents, with the last good version of those that are wrong now marked as stale. A Policy that has none stands as
 * unknown: guardrails that somebody wanted, and that can't be read, must not count as none.
 */
export function withLastGood(reading: FileReading, before: readonly AnyManifest[]): AnyManifest[] {
  const problem = reading.problems.find(({ severity }) => severity === 'error');
  if (problem === undefined) return reading.declared;
  const { broken } = reading;
  const there = new Set(reading.declared.map(idOf));
  const kept = before.filter(
    (manifest) => !there.has(idOf(manifest)) && (broken === 'all' || broken.has(idOf(manifest))),
  );
  for (const manifest of kept) there.add(idOf(manifest));
  return [
    ...reading.declared,
    ...kept.map((manifest): AnyManifest => ({ ...manifest, stale: staleText(problem, manifest) })),
    ...(broken === 'all'
      ? unparsedPolicies(reading, kept)
      : unknownPolicies(broken, there, reading.problems)),
  ];
}

/** Where no Policy of the file was ever right. */
function unparsedPolicies({ unparsed, problems }: FileReading, kept: readonly AnyManifest[]): AnyManifest[] {
  if (!unparsed || kept.some(({ kind }) => kind === 'Policy')) return [];
  const broken = new Map([[objectId('Policy', unparsed.name), { source: unparsed.source, sure: true }]]);
  return unknownPolicies(broken, new Set(), problems);
}

function unknownPolicies(
  broken: ReadonlyMap<ObjectId, Broken>,
  there: ReadonlySet<ObjectId>,
  problems: readonly Problem[],
): AnyManifest[] {
  return [...broken].flatMap(([id, { source, sure }]): AnyManifest[] => {
    const { kind, name } = parseObjectId(id);
    if (kind !== 'Policy' || !sure || there.has(id)) return [];
    const problem = problems.find(({ severity, line }) => severity === 'error' && line >= source.line);
    const stale = problem ? `${formatSource(problem)} ${describeProblem(problem)}` : 'it is wrong';
    return [{ kind, name, labels: {}, spec: {}, specHash: '', source, stale, unknown: true }];
  });
}

function staleText(problem: Problem, { unknown }: AnyManifest): string {
  const what = `${formatSource(problem)} ${describeProblem(problem)}`;
  return unknown ? what : `${what}; the last good version stands`;
}

/** `a.yaml:3:1`. */
export function formatSource({ file, line, column }: Source): string {
  return `${file}:${line}:${column}`;
}

/**
 * Documents of all files -> the desired state. A name that stands in several places: the one that was accepted before stays (or else
 * the first by file and line), with a warning where the specs are equal, and as a conflict where they differ.
 */
export function mergeDeclared(
  documents: readonly AnyManifest[],
  problems: readonly Problem[],
  before: DesiredState = NOTHING_DESIRED,
): DesiredState {
  const found = [...problems];
  const objects = [...Map.groupBy(documents, idOf)].map(([id, candidates]) => {
    const { chosen, duplicates } = choose(candidates, before.objects.get(id));
    found.push(...duplicates);
    return chosen;
  });
  return desiredState(objects, sortProblems(found));
}

function choose(
  candidates: AnyManifest[],
  accepted: AnyManifest | undefined,
): { chosen: AnyManifest; duplicates: Problem[] } {
  const ordered = countingOf(candidates).sort(
    (a, b) =>
      unknownLast(a) - unknownLast(b) ||
      rank(a, accepted) - rank(b, accepted) ||
      Number(a.stale !== undefined) - Number(b.stale !== undefined) ||
      bySource(a.source, b.source),
  );
  const [chosen, ...others] = ordered as [AnyManifest, ...AnyManifest[]];
  const differing = others.find((other) => !sameSpec(other.spec, chosen.spec));
  const duplicates = others.map((other) => duplicate(other, chosen));
  if (differing === undefined) return { chosen, duplicates };
  const conflict = `${formatSource(chosen.source)} and ${formatSource(differing.source)} declare it differently`;
  return { chosen: { ...chosen, conflict }, duplicates };
}

/** What is stale does not count beside what is right, but for a Policy: another version of it elsewhere must not loosen what was wanted. */
function countingOf(candidates: AnyManifest[]): AnyManifest[] {
  const live = candidates.filter(({ kind, stale }) => kind === 'Policy' || stale === undefined);
  return live.length > 0 ? live : candidates;
}

function unknownLast({ unknown }: AnyManifest): number {
  return unknown ? 1 : 0;
}

/** 0: the very spec that was accepted. 1: another one from the place that it came from. */
function rank(candidate: AnyManifest, accepted: AnyManifest | undefined): number {
  if (accepted === undefined) return 2;
  const sameFile = candidate.source.file === accepted.source.file;
  if (sameSpec(candidate.spec, accepted.spec)) return sameFile ? 0 : 0.5;
  return sameFile ? 1 : 2;
}

function bySource(a: Source, b: Source): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column;
}

function duplicate(other: AnyManifest, chosen: AnyManifest): Problem {
  const same = sameSpec(other.spec, chosen.spec);
  const where = `${formatSource(other.source)} and ${formatSource(chosen.source)}`;
  return {
    code: 'SQ104',
    severity: same ? 'warning' : 'error',
    ...other.source,
    path: 'metadata.name',
    message: `"${other.name}" is declared twice, ${same ? 'with the same spec' : 'differently'}: ${where}`,
    hint: same ? 'Remove one of them' : 'Rename or remove one of them: no new run starts till then',
  };
}

function sameSpec(a: AnyManifest['spec'], b: AnyManifest['spec']): boolean {
  const plain = (spec: { suspend?: boolean }) => ({ ...spec, suspend: spec.suspend ?? false });
  return sameJson(plain(a as { suspend?: boolean }), plain(b as { suspend?: boolean }));
}

/** What is declared anew, gone or differently in anything, its place included. */
export function changedObjects(before: DesiredState, after: DesiredState): Set<ObjectId> {
  const ids = new Set([...before.objects.keys(), ...after.objects.keys()]);
  for (const id of ids) {
    const [old, now] = [before.objects.get(id), after.objects.get(id)];
    if (old === now || (old && now && sameJson(old, now))) ids.delete(id);
  }
  return ids;
}
