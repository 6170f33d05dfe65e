import type { SquallEvent } from '../core/types.ts';
import { objectOf, timeOf } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import type { Column } from './table.ts';

/** What `squall events` shows. */
export function eventColumns(style: Style, wide = false): Column<SquallEvent>[] {
  const run: Column<SquallEvent> = { title: 'RUN', value: ({ run }) => run ?? '-' };
  return [
    { title: 'TIME', value: ({ time }) => timeOf(time), paint: style.dim },
    {
      title: 'TYPE',
      value: ({ type }) => type,
      paint: (cell) => (cell === 'Normal' ? cell : paintWord(style, cell)),
    },
    { title: 'REASON', value: ({ reason }) => reason },
    { title: 'OBJECT', value: objectOf },
    ...(wide ? [run] : []),
    { title: 'TARGET', value: ({ target }) => target ?? '-' },
    { title: 'MESSAGE', value: ({ message }) => message },
  ];
}
