import { formatJson } from '../report/json.ts';
import { formatTable } from '../report/table.ts';
import { listOf } from '../server/views.ts';
import type { Io } from './io.ts';
import type { Listing } from './listings.ts';

export const LIST_FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

/** Rows of one kind. The type of the rows stays inside. */
export interface Listed {
  count: number;
  plural: string;
  objects(): unknown[];
  names(): string;
  table(wide: boolean): string;
}

export function listed<Row>(listing: Listing<Row>, rows: readonly Row[], { style }: Io): Listed {
  return {
    count: rows.length,
    plural: listing.plural,
    objects: () => rows.map(listing.object),
    names: () => rows.map((row) => `${listing.kind}/${listing.id(row)}\n`).join(''),
    table: (wide) => formatTable(listing.columns(style, wide), rows),
  };
}

/** Prints lists in one document. `single`: what was asked for by one name is an object, not a list of one. */
export async function printLists(
  io: Io,
  lists: readonly Listed[],
  format: ListFormat,
  single: boolean,
): Promise<void> {
  if (format === 'table' || format === 'wide') {
    io.out(
      lists
        .filter(({ count }) => count > 0)
        .map((list) => list.table(format === 'wide'))
        .join('\n'),
    );
    return;
  }
  if (format === 'name') {
    io.out(lists.map((list) => list.names()).join(''));
    return;
  }
  const objects = lists.flatMap((list) => list.objects());
  io.out(await formatObject(single ? objects[0] : listOf(objects), format));
}

export async function formatObject(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return formatJson(value);
  const { formatYaml } = await import('../report/yaml.ts');
  return formatYaml(value);
}
