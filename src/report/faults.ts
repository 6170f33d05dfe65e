import type { FaultSpec } from '../core/types.ts';
import { clean } from './clean.ts';

/** The parameters of a fault on one line: `direction: egress, to: [{"service":"redis"}]`. */
export function faultParameters(fault: FaultSpec): string {
  return Object.entries(fault)
    .filter(([key, value]) => key !== 'type' && value !== undefined)
    .map(
      ([key, value]) => `${clean(key)}: ${clean(typeof value === 'string' ? value : JSON.stringify(value))}`,
    )
    .join(', ');
}
