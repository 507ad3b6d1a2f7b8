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
  lines.push(tableLine(header));
  for (const row of rows) lines.push(tableLine(row));
  return new Blob([lines.join('\n'), '\n'], { type: 'text/csv' });
}

/** One line of a table: text that a spreadsheet would evaluate gets an apostrophe in front, as in files of the server. */
export function tableLine(cells: readonly Cell[]): string {
  return csvLine(cells.map((cell) => (typeof cell === 'string' && FORMULA.test(cell) ? `'${cell}` : cell)));
}

/** The start of a formula, after any number of apostrophes, also in full width. */
const FORMULA = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** One line of CSV, as names are listed in an address. */
export function csvLine(cells: readonly Cell[]): string {
  return cells.map(quoted).join(',');
}

function quoted(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
