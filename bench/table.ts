/** A column: its head, and whether its cells are figures, which stand to the right. */
export interface Column {
  readonly head: string;
  readonly figures: boolean;
}

/** A column of text. */
export function text(head: string): Column {
  return { head, figures: false };
}

/** A column of figures. */
export function figures(head: string): Column {
  return { head, figures: true };
}

/** Writes a Markdown table whose columns are as wide as their widest cell, as the project's formatter leaves it. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = [columns.map(({ head }) => head), ...rows];
  const widths = columns.map((_, index) => Math.max(3, ...cells.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${columns.map((column, index) => pad(row[index] ?? '', widths[index] ?? 0, column.figures)).join(' | ')} |`;
  const rule = columns.map((column, index) => {
    const width = widths[index] ?? 0;
    return column.figures ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width);
  });
  return [line(cells[0] ?? []), line(rule), ...rows.map(line)].join('\n');
}

function pad(cell: string, width: number, right: boolean): string {
  return right ? cell.padStart(width) : cell.padEnd(width);
}
