import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { canonical, hash, type Json } from '../core/canonical.ts';
import type { ErrorCode } from '../core/errors.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { Declared, ExperimentSpec, FaultSpec } from '../core/types.ts';
import { found } from './expects.ts';
import { explain, type Finding, type SchemaError } from './explain.ts';
import { FORMATS } from './formats.ts';
import type { ParsedDocument } from './parse.ts';
import { formatPath, type Problem } from './problem.ts';
import { API_VERSION, experimentShell, faultSchema, KINDS, type ManifestFaultKind } from './schema.ts';

/** A document that was checked: either what it declares, or what is wrong with it. */
export interface Validated {
  declared?: Declared;
  problems: Problem[];
  /** kind and metadata.name, as far as they can be told of a document that is wrong. */
  name?: string;
}

/** Checks documents against the schemas. Pure; build it once. */
export interface Validator {
  validate(document: ParsedDocument): Validated;
}

/** A document with more than this is not about its details any more. */
const MOST_PROBLEMS = 20;

/** The validator for these kinds of faults. Throws where a kind's schema does not compile: it is a bug, not bad input. */
export function createValidator(kinds: readonly ManifestFaultKind[]): Validator {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
  });
  for (const [name, format] of Object.entries(FORMATS))
    ajv.addFormat(name, { type: 'string', validate: format.test });
  const shell = ajv.compile(experimentShell());
  const faults = new Map(kinds.map((kind) => [kind.type, { kind, check: ajv.compile(faultSchema(kind)) }]));
  return { validate: (document) => validate(document, shell, faults) };
}

type Faults = ReadonlyMap<string, { kind: ManifestFaultKind; check: ValidateFunction }>;

function validate(document: ParsedDocument, shell: ValidateFunction, faults: Faults): Validated {
  const value = document.value;
  const header = checkHeader(value);
  const name = nameOf(value);
  const named = name === undefined ? {} : { name };
  if (header !== undefined) return { problems: [problemOf(document, header.code, header)], ...named };
  const findings = [
    ...explain(run(shell, value), value).map(refuseProbes),
    ...checkFaults(value as Json, faults),
  ];
  if (findings.length === 0) return { declared: declaredOf(document), problems: [], ...named };
  return {
    problems: findings.slice(0, MOST_PROBLEMS).map((finding) => problemOf(document, 'SQ102', finding)),
    ...named,
  };
}

function run(check: ValidateFunction, value: unknown): SchemaError[] {
  return check(value) ? [] : ((check.errors ?? []) as SchemaError[]);
}

/** apiVersion and kind come first: nothing else can be said of a document that is something else. */
function checkHeader(value: Json): (Finding & { code: ErrorCode }) | undefined {
  const whole = { path: [], part: 'value' as const };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return {
      code: 'SQ102',
      ...whole,
      message: `expected a mapping with apiVersion, kind, metadata and spec, found ${found(value)}`,
    };
  }
  const { apiVersion, kind } = value;
  if (apiVersion !== API_VERSION) {
    const message =
      apiVersion === undefined
        ? `missing, expected ${API_VERSION}`
        : `expected ${API_VERSION}, found ${found(apiVersion)}`;
    return { code: 'SQ103', path: ['apiVersion'], part: 'value', message };
  }
  if (KINDS.some((known) => known === kind)) return undefined;
  const knows = `this version knows ${KINDS.join(', ')}`;
  const message = kind === undefined ? `missing: ${knows}` : `unknown kind ${quote(kind)}: ${knows}`;
  const near = typeof kind === 'string' ? nearMiss(kind, KINDS) : undefined;
  const finding = { code: 'SQ103' as const, path: ['kind'], part: 'value' as const, message };
  return near === undefined ? finding : { ...finding, hint: `Did you mean "${near}"?` };
}

function quote(value: Json): string {
  return typeof value === 'string' ? `'${value.slice(0, 60)}'` : found(value);
}

function nameOf(value: Json): string | undefined {
  const name = member(member(value, 'metadata'), 'name');
  return typeof name === 'string' ? name : undefined;
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function refuseProbes(finding: Finding): Finding {
  if (formatPath(finding.path.slice(0, 2)) !== 'spec.probes') return finding;
  return { ...finding, message: 'probes are not supported by this version', hint: 'Remove the field' };
}

/** Each fault against the schema of its own kind. Faults without a type are the shell's affair. */
function checkFaults(value: Json, faults: Faults): Finding[] {
  const list = member(member(value, 'spec'), 'faults');
  if (!Array.isArray(list)) return [];
  return list.flatMap((fault, index) => {
    const type = member(fault, 'type');
    if (typeof type !== 'string') return [];
    const known = faults.get(type);
    const base = ['spec', 'faults', index];
    if (known === undefined) return [unknownType(type, [...base, 'type'], [...faults.keys()])];
    const findings = explain(run(known.check, fault), fault);
    const told = findings.length > 0 ? findings : toldProblems(known.kind, fault as FaultSpec);
    return told.map((finding) => ({ ...finding, path: [...base, ...finding.path] }));
  });
}

function toldProblems(kind: ManifestFaultKind, fault: FaultSpec): Finding[] {
  return (kind.problems?.(fault) ?? []).map((message) => ({ path: [], part: 'value', message }));
}

function unknownType(type: string, path: Finding['path'], known: string[]): Finding {
  const near = nearMiss(type, known);
  const hint = near === undefined ? `Known: ${known.join(', ')}` : `Did you mean "${near}"?`;
  return { path, part: 'value', message: `expected a kind of fault, found ${found(type)}`, hint };
}

function problemOf(document: ParsedDocument, code: ErrorCode, finding: Finding): Problem {
  const { file } = document.source;
  const place = document.position(finding.path, finding.part);
  const problem = {
    code,
    severity: 'error' as const,
    file,
    ...place,
    path: formatPath(finding.path),
    message: finding.message,
  };
  return finding.hint === undefined ? problem : { ...problem, hint: finding.hint };
}

/** Of a document that has passed its schema, which is what makes the casts true. */
function declaredOf(document: ParsedDocument): Declared {
  const value = document.value as { metadata: { name: string; labels?: Record<string, string> }; spec: Json };
  const spec = value.spec as unknown as ExperimentSpec;
  return {
    name: value.metadata.name,
    labels: { ...value.metadata.labels },
    spec,
    specHash: specHash(spec),
    source: document.source,
  };
}

/** What a generation is counted by: SHA-256 of the canonical spec without `suspend`. */
export function specHash(spec: ExperimentSpec): string {
  const { suspend: _, ...rest } = spec;
  return hash(canonical(rest));
}
