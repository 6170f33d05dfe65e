import { commitOf, type EventRow, objectOf, timeOf } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import type { Column } from './table.ts';

/** What `squall events` shows. */
export function eventColumns(style: Style, wide = false): Column<EventRow>[] {
  const more: Column<EventRow>[] = [
    { title: 'RUN', value: ({ run }) => run ?? '-' },
    { title: 'COMMIT', value: ({ provenance }) => commitOf(provenance) },
  ];
  return [
    { title: 'TIME', value: ({ time }) => timeOf(time), paint: style.dim },
    {
      title: 'TYPE',
      value: ({ type }) => type,
      paint: (cell) => (cell === 'Normal' ? cell : paintWord(style, cell)),
    },
    { title: 'REASON', value: ({ reason }) => reason },
    { title: 'OBJECT', value: objectOf },
    ...(wide ? more : []),
    { title: 'TARGET', value: ({ target }) => target ?? '-' },
    { title: 'MESSAGE', value: ({ message }) => message },
  ];
}
