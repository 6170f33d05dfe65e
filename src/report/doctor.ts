import type { Check, CheckState } from '../runtime/doctor-check.ts';
import { clean } from './clean.ts';
import { paintWord, type Style } from './style.ts';
import { type Column, formatTable } from './table.ts';

/** Whether one kind of fault works on this host. */
export interface FaultVerdict {
  fault: string;
  state: CheckState;
  /** Ids of the checks that stand in its way. */
  because: string[];
  /** What that means. Empty where all is well. */
  why: string;
}

/** Three parts: the checks, what to mend, and what it comes to fault by fault. */
export function formatDoctor(
  checks: readonly Check[],
  faults: readonly FaultVerdict[],
  style: Style,
): string {
  const paint = (cell: string) => paintWord(style, cell);
  const checkColumns: Column<Check>[] = [
    { title: 'CHECK', value: ({ id }) => id },
    { title: 'STATE', value: ({ state }) => state, paint },
    { title: 'FOUND', value: ({ found }) => found },
  ];
  const faultColumns: Column<FaultVerdict>[] = [
    { title: 'FAULT', value: ({ fault }) => fault },
    { title: 'STATE', value: ({ state }) => state, paint },
    { title: 'WHY', value: ({ why }) => why },
  ];
  return [formatTable(checkColumns, checks), mends(checks, style), formatTable(faultColumns, faults)]
    .filter((part) => part !== '')
    .join('\n');
}

/** What one thing mends is told together. */
function mends(checks: readonly Check[], style: Style): string {
  const open = checks.filter(({ state, mend }) => state !== 'ok' && mend !== '');
  return [...Map.groupBy(open, ({ state, mend }) => `${state} ${mend}`).values()]
    .map((alike) => {
      const [{ state, mend }] = alike as [Check];
      const ids = alike.map(({ id }) => style.bold(id)).join(', ');
      return `${paintWord(style, state)} ${ids}: ${clean(mend)}\n`;
    })
    .join('');
}
