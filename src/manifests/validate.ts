import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Json } from '../core/canonical.ts';
import type { ErrorCode } from '../core/errors.ts';
import {
  type AnyManifest,
  KINDS,
  type Kind,
  type ObjectId,
  objectId,
  type ProbeSpec,
} from '../core/kinds.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { FaultSpec } from '../core/types.ts';
import type { Broken } from './desired.ts';
import { found } from './expects.ts';
import { explain, type Finding, type SchemaError } from './explain.ts';
import { FORMATS } from './formats.ts';
import type { ParsedDocument } from './parse.ts';
import { member, placesOf } from './places.ts';
import { formatPath, type Problem } from './problem.ts';
import { API_VERSION, faultSchema, type ManifestFaultKind, type ManifestProbeKind } from './schema.ts';
import { shellSchemas } from './schemas.ts';
import { specHash } from './spec-hash.ts';
import { told } from './told.ts';

/** A document that was checked: either what it declares, or what is wrong with it. */
export interface Validated {
  declared?: AnyManifest;
  problems: Problem[];
  /** What a document that is wrong may be, as far as that can be told. */
  broken: [ObjectId, Broken][];
}

/** Checks documents against the schemas. Pure; build it once. */
export interface Validator {
  validate(document: ParsedDocument): Validated;
}

/** What the validator needs from rooms above this one. */
export interface ValidatorOptions {
  probes?: readonly ManifestProbeKind[];
  /** What is wrong with a cron expression, if anything is. */
  cron?: (expression: string, timeZone: string | undefined) => string | undefined;
}

/** A document with more than this is not about its details any more. */
const MOST_PROBLEMS = 20;

/** What one kind of fault or probe is checked by. */
interface Typed {
  check: ValidateFunction;
  problems: ((value: never) => string[]) | undefined;
}

interface Checks {
  shells: Record<Kind, ValidateFunction>;
  typed: Record<'fault' | 'probe', ReadonlyMap<string, Typed>>;
  cron: ValidatorOptions['cron'];
}

/** The validator for these kinds of faults. Throws where a kind's schema does not compile: it is a bug, not bad input. */
export function createValidator(
  kinds: readonly ManifestFaultKind[],
  { probes = [], cron }: ValidatorOptions = {},
): Validator {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
  });
  for (const [name, format] of Object.entries(FORMATS))
    ajv.addFormat(name, { type: 'string', validate: format.test });
  const shells = Object.fromEntries(
    Object.entries(shellSchemas()).map(([kind, schema]) => [kind, ajv.compile(schema)]),
  ) as Record<Kind, ValidateFunction>;
  const compiled = (type: string, schema: object, problems: Typed['problems']): [string, Typed] => [
    type,
    { check: ajv.compile(schema), problems },
  ];
  const typed = {
    fault: new Map(
      kinds.map((kind) =>
        compiled(
          kind.type,
          faultSchema(kind),
          kind.problems && ((fault: FaultSpec) => kind.problems?.(fault) ?? []),
        ),
      ),
    ),
    probe: new Map(
      probes.map((kind) =>
        compiled(
          kind.type,
          kind.schema,
          kind.problems && ((probe: ProbeSpec) => kind.problems?.(probe) ?? []),
        ),
      ),
    ),
  };
  return { validate: (document) => validate(document, { shells, typed, cron }) };
}

function validate(document: ParsedDocument, checks: Checks): Validated {
  const value = document.value;
  const header = checkHeader(value);
  if (header !== undefined)
    return { problems: [problemOf(document, header.code, header)], broken: guessed(document) };
  const kind = member(value, 'kind') as Kind;
  const shape = explain(run(checks.shells[kind], value), value).map(refuseProbes);
  const inner = checkTyped(value, checks.typed);
  const rest =
    shape.length + inner.length > 0 ? [] : told(value, [...checks.typed.fault.keys()], checks.cron);
  const findings = [...shape, ...inner, ...rest];
  if (findings.length === 0) return { declared: manifestOf(document), problems: [], broken: [] };
  return {
    problems: findings.slice(0, MOST_PROBLEMS).map((finding) => problemOf(document, 'SQ102', finding)),
    broken: guessed(document),
  };
}

/** Under a kind that is not known it may be any, and the nearest one first of all. */
function guessed({ value, source }: ParsedDocument): [ObjectId, Broken][] {
  const [kind, name] = [member(value, 'kind'), member(member(value, 'metadata'), 'name')];
  if (typeof name !== 'string') return [];
  const meant = typeof kind === 'string' ? (nearMiss(kind, KINDS) ?? kind) : undefined;
  const known = KINDS.find((one) => one === kind || one === meant);
  return known
    ? [[objectId(known, name), { source, sure: true }]]
    : KINDS.map((one) => [objectId(one, name), { source, sure: false }]);
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

function refuseProbes(finding: Finding): Finding {
  const [owner, field] = finding.path.slice(
    finding.path.indexOf('probes') - 1,
    finding.path.indexOf('probes') + 1,
  );
  if (field !== 'probes' || (owner !== 'spec' && owner !== 'experiment')) return finding;
  return { ...finding, message: 'probes are not supported by this version', hint: 'Remove the field' };
}

/** Each fault and probe against the schema of its own kind. Those without a type are the shell's affair. */
function checkTyped(document: Json, typed: Checks['typed']): Finding[] {
  return placesOf(document).flatMap(({ what, path, value }) => {
    const type = member(value, 'type');
    if (typeof type !== 'string') return [];
    const known = typed[what].get(type);
    if (known === undefined) return [unknownType(what, type, [...path, 'type'], [...typed[what].keys()])];
    const findings = explain(run(known.check, value), value);
    const all = findings.length > 0 ? findings : toldProblems(known, value);
    return all.map((finding) => ({ ...finding, path: [...path, ...finding.path] }));
  });
}

function toldProblems({ problems }: Typed, value: Json): Finding[] {
  return (problems?.(value as never) ?? []).map((message) => ({ path: [], part: 'value', message }));
}

function unknownType(what: string, type: string, path: Finding['path'], known: string[]): Finding {
  const near = nearMiss(type, known);
  const hint = near === undefined ? `Known: ${known.join(', ')}` : `Did you mean "${near}"?`;
  return { path, part: 'value', message: `expected a kind of ${what}, found ${found(type)}`, hint };
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
function manifestOf(document: ParsedDocument): AnyManifest {
  const value = document.value as {
    kind: Kind;
    metadata: { name: string; labels?: Record<string, string> };
    spec: Json;
  };
  return {
    kind: value.kind,
    name: value.metadata.name,
    labels: { ...value.metadata.labels },
    spec: value.spec,
    specHash: specHash(value.spec as AnyManifest['spec']),
    source: document.source,
  } as AnyManifest;
}
