import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FaultSpec } from '../../src/core/types.ts';
import type { FaultKind } from '../../src/faults/fault.ts';
import { FORMATS } from '../../src/manifests/formats.ts';
import { faultSchema } from '../../src/manifests/schema.ts';

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
for (const [name, { test }] of Object.entries(FORMATS))
  ajv.addFormat(name, { type: 'string', validate: test });

/** What is wrong with a fault, by schema and by the kind's own word. */
export function wrong(kind: FaultKind, parameters: Record<string, unknown>): string[] {
  const fault = { type: kind.type, ...parameters } as FaultSpec;
  if (!ajv.validate(faultSchema(kind), fault)) return (ajv.errors ?? []).map(({ message }) => message ?? '');
  return kind.problems?.(fault) ?? [];
}
