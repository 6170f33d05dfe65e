import { clean } from './clean.ts';
import { displayWidth } from './width.ts';

/** One column: how a row's cell reads, and what is done to it once its width is known. */
export interface Column<Row> {
  title: string;
  value: (row: Row) => string;
  /** Colour. Gets the cell as it will stand, blanks at its end excluded. */
  paint?: (cell: string, row: Row) => string;
  /** Changes as time goes by: no news to someone who watches. */
  volatile?: boolean;
}

/** Lines of a table that grows row by row; a column only ever widens. */
export interface Table<Row> {
  header(): string;
  /** Lines for these rows. */
  lines(rows: readonly Row[]): string[];
}

const GAP = '   ';

/** A table whose columns fit `rows` (those known so far). */
export function createTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[] = []): Table<Row> {
  const widths = columns.map(({ title }) => displayWidth(title));
  const widen = (more: readonly Row[]) => {
    const cells = more.map((row) => columns.map((column) => cellOf(column, row)));
    for (const line of cells)
      line.forEach((cell, at) => {
        widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell));
      });
    return cells;
  };
  widen(rows);
  return {
    header: () =>
      join(
        columns.map(({ title }) => ({ plain: title, shown: title })),
        widths,
      ),
    lines: (more) =>
      widen(more).map((cells, index) => {
        const row = more[index] as Row;
        const painted = cells.map((plain, at) => ({
          plain,
          shown: columns[at]?.paint?.(plain, row) ?? plain,
        }));
        return join(painted, widths);
      }),
  };
}

/** A whole table: a header, and a line for each row. Ends with a line end. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const table = createTable(columns, rows);
  return `${[table.header(), ...table.lines(rows)].join('\n')}\n`;
}

/** What of a row is news: its cells without those that change by time alone. */
export function rowKey<Row>(columns: readonly Column<Row>[], row: Row): string {
  return JSON.stringify(columns.filter((column) => !column.volatile).map((column) => column.value(row)));
}

/** An empty cell would shift a reader's (and awk's) columns. */
function cellOf<Row>(column: Column<Row>, row: Row): string {
  return clean(column.value(row)).trim() || '-';
}

function join(cells: readonly { plain: string; shown: string }[], widths: readonly number[]): string {
  const last = cells.length - 1;
  return cells
    .map(({ plain, shown }, at) => {
      const blanks = at === last ? 0 : (widths[at] ?? 0) - displayWidth(plain);
      return shown + ' '.repeat(Math.max(0, blanks));
    })
    .join(GAP);
}
