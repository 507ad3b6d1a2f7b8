/** Names for categories, pasted as a table of two columns: a category, and its name. */

export interface NamedCategories {
  /** The name of each category in the table; null if it has no line there. */
  readonly names: readonly (string | null)[];
  /** What lines have in place of a category, each once. */
  readonly unknown: readonly string[];
  /** Categories that have several lines with different names: the first one counts. */
  readonly repeated: readonly string[];
  /** Categories that have a line without a name. */
  readonly unnamed: readonly string[];
}

/** A label of new names, and the positions of the categories that it is made of. */
export interface NamedLabel {
  readonly name: string;
  readonly of: readonly number[];
}

/** Separators after a category. */
const AFTER = /^(\s*[\t,;]\s*|\s+)/;
const HEADERS = new Set(['cluster', 'clusters', 'category', 'label', 'group']);

/**
 * Return the names that a table gives to categories. Upper and lower case, and blanks around, make no difference.
 *
 * @param title - the name of the column, which a header may have
 */
export function namesFrom(text: string, categories: readonly string[], title: string): NamedCategories {
  const at = new Map<string, number>();
  // Of categories that differ in case alone, the first is the one of other spellings.
  for (const [k, category] of categories.entries()) if (!at.has(folded(category))) at.set(folded(category), k);
  const exact = new Map(categories.map((category, k) => [category.trim(), k]));
  const longest = [...at.keys()].sort((a, b) => b.length - a.length);
  const names = categories.map((): string | null => null);
  const [unknown, repeated, unnamed] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
  for (const [k, line] of lines.entries()) {
    const [category, name] = split(line, longest);
    const code = exact.get(category) ?? at.get(folded(category));
    if (code === undefined) {
      if (k > 0 || !(HEADERS.has(folded(category)) || folded(category) === folded(title))) unknown.add(category);
    } else if (!name) unnamed.add(categories[code] as string);
    else if (names[code] === null) names[code] = name;
    else if (names[code] !== name) repeated.add(categories[code] as string);
  }
  return { names, unknown: [...unknown], repeated: [...repeated], unnamed: [...unnamed] };
}

/** Return the labels of names in the order of the categories: those of the same name are one. */
export function labelsOf(names: readonly (string | null)[]): readonly NamedLabel[] {
  const labels = new Map<string, number[]>();
  for (const [k, name] of names.entries()) {
    if (name === null) continue;
    const of = labels.get(name);
    if (of) of.push(k);
    else labels.set(name, [k]);
  }
  return [...labels].map(([name, of]) => ({ name, of }));
}

/** Return the category and the name of a line, separated by a tab, a comma, a semicolon or blanks. */
function split(line: string, categories: readonly string[]): [string, string] {
  const tab = line.indexOf('\t');
  if (tab >= 0) return [unquoted(line.slice(0, tab)), unquoted(line.slice(tab + 1))];
  const quoted = /^\s*"((?:[^"]|"")*)"\s*[,;]\s*(.*)$/.exec(line);
  if (quoted) return [(quoted[1] as string).replaceAll('""', '"').trim(), unquoted(quoted[2] as string)];
  const text = line.trim();
  // A category may have blanks and commas itself.
  for (const category of categories) {
    if (folded(text.slice(0, category.length)) !== category) continue;
    const rest = text.slice(category.length);
    if (rest === '') return [text, ''];
    const separator = AFTER.exec(rest)?.[0];
    if (separator) return [text.slice(0, category.length), unquoted(rest.slice(separator.length))];
  }
  const [, first = text, rest = ''] = /^(.*?)(?:\s*[,;]\s*|\s+)(.*)$/.exec(text) ?? [];
  return [unquoted(first), unquoted(rest)];
}

function folded(text: string): string {
  return text.trim().toLowerCase();
}

function unquoted(text: string): string {
  return text
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
}
