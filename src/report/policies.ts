import type { PolicySpec } from '../core/kinds.ts';
import type { PolicyRow } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import type { Column } from './table.ts';

/** What `squall get policies` shows. */
export function policyColumns(style: Style, wide: boolean): Column<PolicyRow>[] {
  const columns: Column<PolicyRow>[] = [
    { title: 'NAME', value: ({ record }) => record.name },
    { title: 'PHASE', value: ({ record }) => record.phase, paint: (cell) => paintWord(style, cell) },
    { title: 'LIMITS', value: ({ record }) => limitsText(record.spec) },
  ];
  if (!wide) return columns;
  return [
    ...columns,
    { title: 'REASON', value: ({ record }) => record.reason },
    { title: 'SOURCE', value: ({ record }) => `${record.source.file}:${record.source.line}` },
    { title: 'MESSAGE', value: ({ record }) => record.message },
  ];
}

/** `maxTargets 5, minHealthy 1, 2 windows`: numbers as they are, the rest counted. */
export function limitsText(spec: PolicySpec): string {
  const { optIn, protect, networks, faults, budget, windows, healthGate } = spec;
  const numbers = (['maxDuration', 'maxConcurrentRuns', 'maxTargets', 'maxPercent', 'minHealthy'] as const)
    .filter((key) => spec[key] !== undefined)
    .map((key) => `${key} ${spec[key]}`);
  const kinds = [
    ...(faults?.allow ? [`only ${faults.allow.join(' ')}`] : []),
    ...(faults?.deny ? [`no ${faults.deny.join(' ')}`] : []),
  ];
  const all = [
    ...(optIn === undefined ? [] : [typeof optIn === 'string' ? `optIn ${optIn}` : 'optIn by selector']),
    ...numbers,
    ...count(protect?.length, 'protected selector'),
    ...count(networks?.length, 'network'),
    ...kinds,
    ...count(budget?.length, 'budget'),
    ...count((windows?.allow?.length ?? 0) + (windows?.deny?.length ?? 0), 'window'),
    ...count(healthGate?.probes.length, 'health probe'),
  ];
  return all.join(', ');
}

function count(number: number | undefined, noun: string): string[] {
  return number ? [`${number} ${noun}${number === 1 ? '' : 's'}`] : [];
}
