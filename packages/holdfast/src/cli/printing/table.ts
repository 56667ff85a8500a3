import { oneLine } from "./printable.ts";
import type { Channel, Style } from "./terminal.ts";

export type Column<Row> = {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** Gives way when the table is too wide. */
  readonly isFlexible?: boolean;
  readonly style?: (row: Row) => Style | undefined;
};

const GAP = 2;
const LEAST_FLEXIBLE = 6;
const MOST_COLUMNS = 120;

/** Rows under titles, as wide as the terminal at most: flexible columns are cut, others never. */
export const renderTable = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  channel: Channel,
): string => {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.of(row), MOST_COLUMNS * 2)));
  const natural = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const widths = fit(columns, natural, Math.min(channel.columns, MOST_COLUMNS));
  const line = (texts: readonly string[], paint: (text: string, index: number) => string): string =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const cut = oneLine(text, width);
        return paint(index === texts.length - 1 ? cut : cut.padEnd(width), index);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  const head = line(
    columns.map(({ title }) => title),
    (text) => channel.paint("dim", text),
  );
  const body = rows.map((row, at) =>
    line(cells[at] ?? [], (text, index) => {
      const style = columns[index]?.style?.(row);
      return style === undefined ? text : channel.paint(style, text);
    }),
  );
  return `${[head, ...body].join("\n")}\n`;
};

const fit = <Row>(
  columns: readonly Column<Row>[],
  natural: readonly number[],
  limit: number,
): readonly number[] => {
  const widths = [...natural];
  const total = (): number => widths.reduce((sum, width) => sum + width, GAP * (columns.length - 1));
  const flexible = columns.flatMap((column, index) => (column.isFlexible === true ? [index] : []));
  while (total() > limit) {
    const widest = flexible.toSorted((left, right) => (widths[right] ?? 0) - (widths[left] ?? 0))[0];
    const width = widest === undefined ? 0 : (widths[widest] ?? 0);
    if (widest === undefined || width <= LEAST_FLEXIBLE) break;
    widths[widest] = width - 1;
  }
  return widths;
};
