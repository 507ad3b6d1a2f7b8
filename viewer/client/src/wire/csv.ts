/** Comma-separated values, as files and as lists in an address. */

type Cell = string | number | null | undefined;

/** Rows of values under named columns. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** A table as CSV; null becomes an empty field. Comments come first, as lines that start with `#`. */
export function csv(
  header: readonly string[],
  rows: Iterable<readonly Cell[]>,
  comments: readonly string[] = [],
): Blob {
  const lines = comments.map((comment) => `# ${comment.trim().replaceAll(/\s+/g, ' ')}`);
  lines.push(csvLine(header));
  for (const row of rows) lines.push(csvLine(row));
  return new Blob([lines.join('\n'), '\n'], { type: 'text/csv' });
}

/** One line of CSV; also how names are listed in an address. */
export function csvLine(cells: readonly Cell[]): string {
  return cells.map(quoted).join(',');
}

function quoted(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
