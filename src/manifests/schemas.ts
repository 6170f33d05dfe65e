import type { Kind } from '../core/kinds.ts';
import {
  anyFault,
  experimentSchema,
  experimentShell,
  type JSONSchema,
  type ManifestFaultKind,
  type ManifestProbeKind,
  onlyTyped,
} from './schema.ts';
import { policySchema } from './schema-policy.ts';
import { scenarioSchema, WITHIN } from './schema-scenario.ts';
import { scheduleSchema } from './schema-schedule.ts';

/** The whole schema of each kind, for editors and the reference. */
export function documentSchemas(
  faults: readonly ManifestFaultKind[],
  probes: readonly ManifestProbeKind[],
): Record<Kind, JSONSchema> {
  const fault = anyFault(faults);
  return {
    Experiment: experimentSchema(faults),
    Schedule: scheduleSchema(fault),
    Scenario: scenarioSchema(fault, { oneOf: probes.map(({ schema }) => withWithin(schema)) }),
    Policy: policySchema({ oneOf: probes.map(({ schema }) => schema) }),
  };
}

/**
 * The same with faults and probes that only need a `type`: the validator checks each against the schema of its own kind afterwards, so
 * that what it says is about that kind and not about all the others.
 */
export function shellSchemas(): Record<Kind, JSONSchema> {
  const [fault, probe] = [onlyTyped('fault'), onlyTyped('probe')];
  return {
    Experiment: experimentShell(),
    Schedule: scheduleSchema(fault),
    Scenario: scenarioSchema(fault, withWithin(probe)),
    Policy: policySchema(probe),
  };
}

function withWithin(probe: JSONSchema): JSONSchema {
  return { ...probe, properties: { ...(probe.properties as object), within: WITHIN } };
}
