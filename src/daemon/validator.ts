import { FAULTS } from '../faults/index.ts';
import { createValidator, type Validator } from '../manifests/validate.ts';
import { PROBES } from '../probes/index.ts';
import { manifestProbe } from '../probes/schema.ts';
import { cronProblem } from '../schedule/slots.ts';

/** The validator of manifests, with all that this version knows. */
export function manifestValidator(): Validator {
  return createValidator(FAULTS, { probes: PROBES.map((kind) => manifestProbe(kind)), cron: cronProblem });
}
