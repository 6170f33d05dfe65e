import { sameJson } from '../core/canonical.ts';
import type { Declared, ExperimentSpec, Source } from '../core/types.ts';
import { compareText, describeProblem, type Problem, sortProblems } from './problem.ts';

/** What the manifests want, whole. Immutable: a change replaces it. */
export interface DesiredState {
  /** By name, in the order of names. */
  experiments: ReadonlyMap<string, Declared>;
  problems: readonly Problem[];
}

export const NOTHING_DESIRED: DesiredState = { experiments: new Map(), problems: [] };

/** What one file gave when it was read. */
export interface FileReading {
  /** The documents that are right. */
  declared: Declared[];
  problems: Problem[];
  /** Names of documents that are wrong. `all`: there is one whose name cannot be told, so it could be any of the file's. */
  broken: ReadonlySet<string> | 'all';
}

/** The file's documents, with the last good version of those that are wrong now marked as stale. */
export function withLastGood(reading: FileReading, before: readonly Declared[]): Declared[] {
  const problem = reading.problems.find(({ severity }) => severity === 'error');
  if (problem === undefined) return reading.declared;
  const there = new Set(reading.declared.map(({ name }) => name));
  const kept = before.filter(
    ({ name }) => !there.has(name) && (reading.broken === 'all' || reading.broken.has(name)),
  );
  return [...reading.declared, ...kept.map((declared) => ({ ...declared, stale: staleText(problem) }))];
}

function staleText(problem: Problem): string {
  return `${formatSource(problem)} ${describeProblem(problem)}; the last good version stands`;
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
  documents: readonly Declared[],
  problems: readonly Problem[],
  before: DesiredState = NOTHING_DESIRED,
): DesiredState {
  const byName = new Map<string, Declared[]>();
  for (const declared of documents) {
    const same = byName.get(declared.name);
    if (same === undefined) byName.set(declared.name, [declared]);
    else same.push(declared);
  }
  const experiments = new Map<string, Declared>();
  const found = [...problems];
  for (const name of [...byName.keys()].sort(compareText)) {
    const { chosen, duplicates } = choose(byName.get(name) as Declared[], before.experiments.get(name));
    experiments.set(name, chosen);
    found.push(...duplicates);
  }
  return { experiments, problems: sortProblems(found) };
}

function choose(
  candidates: Declared[],
  accepted: Declared | undefined,
): { chosen: Declared; duplicates: Problem[] } {
  const live = candidates.filter(({ stale }) => stale === undefined);
  const ordered = (live.length > 0 ? live : candidates).sort(
    (a, b) => rank(a, accepted) - rank(b, accepted) || bySource(a.source, b.source),
  );
  const [chosen, ...others] = ordered as [Declared, ...Declared[]];
  const differing = others.find((other) => !sameSpec(other.spec, chosen.spec));
  const duplicates = others.map((other) => duplicate(other, chosen));
  if (differing === undefined) return { chosen, duplicates };
  const conflict = `${formatSource(chosen.source)} and ${formatSource(differing.source)} declare it differently`;
  return { chosen: { ...chosen, conflict }, duplicates };
}

/** 0: the very spec that was accepted. 1: another one from the place that it came from. */
function rank(candidate: Declared, accepted: Declared | undefined): number {
  if (accepted === undefined) return 2;
  const sameFile = candidate.source.file === accepted.source.file;
  if (sameSpec(candidate.spec, accepted.spec)) return sameFile ? 0 : 0.5;
  return sameFile ? 1 : 2;
}

function bySource(a: Source, b: Source): number {
  return compareText(a.file, b.file) || a.line - b.line || a.column - b.column;
}

function duplicate(other: Declared, chosen: Declared): Problem {
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

function sameSpec(a: ExperimentSpec, b: ExperimentSpec): boolean {
  return sameJson({ ...a, suspend: a.suspend ?? false }, { ...b, suspend: b.suspend ?? false });
}

/** Names whose declaration is new, gone or different in anything, its place included. */
export function changedNames(before: DesiredState, after: DesiredState): Set<string> {
  const names = new Set([...before.experiments.keys(), ...after.experiments.keys()]);
  for (const name of names) {
    const [old, now] = [before.experiments.get(name), after.experiments.get(name)];
    if (old === now || (old && now && sameJson(old, now))) names.delete(name);
  }
  return names;
}
