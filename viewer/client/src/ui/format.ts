/** Numbers and dates as the page writes them: as the reader's language does. */

const LOCALE = typeof window === 'undefined' ? 'en-US' : navigator.language;
const integers = new Intl.NumberFormat(LOCALE);

function written(value: number, options: Intl.NumberFormatOptions): string {
  return minus(new Intl.NumberFormat(LOCALE, options).format(value));
}

/** A count of things: 12,345. */
export function count(n: number): string {
  return integers.format(n);
}

/** A measured number, short: 0.0132, 12.4, 1,234, 1.2e-7. */
export function number(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return scientific(value, Math.max(0, digits - 2));
  if (Number.isInteger(value)) return minus(integers.format(value));
  if (size >= 1000) return minus(integers.format(Math.round(value)));
  return written(value, { maximumSignificantDigits: digits });
}

const DECIMAL = new Intl.NumberFormat(LOCALE).format(1.5).includes(',') ? ',' : '.';

/** A number with all its digits, to be typed over. */
export function editableNumber(value: number): string {
  return String(value).replace('.', DECIMAL);
}

/** Read a number as it is typed, with a decimal point or comma and thousands apart or not; null if it is none. */
export function typedNumber(text: string, decimal: '.' | ',' = DECIMAL): number | null {
  let plain = text.replace(/[\s\u202f'’_]/g, '').replace('−', '-');
  const group = decimal === '.' ? ',' : '.';
  const grouped = new RegExp(`^[+-]?[1-9]\\d{0,2}([${group}]\\d{3})+([${decimal}]\\d*)?$`);
  if (grouped.test(plain)) plain = plain.replaceAll(group, '');
  plain = plain.replace(',', '.');
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : null;
}

/** A p-value: exact zero is what the computer could not tell from it. */
export function pValue(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  if (value === 0) return '< 1e−308';
  if (value >= 0.001) return fixed(value, 3);
  return scientific(value, 1);
}

/** A fixed number of decimals, with a true minus sign. */
export function fixed(value: number | null, decimals: number): string {
  if (value === null || Number.isNaN(value)) return '–';
  return written(value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export function percent(fraction: number | null): string {
  if (fraction === null || Number.isNaN(fraction)) return '–';
  const value = fraction * 100;
  if (value > 0 && value < 1) return '< 1 %';
  if (value > 99 && value < 100) return '> 99 %';
  return `${Math.round(value)} %`;
}

/** Milliseconds since 1970 as a date, with the time where it is not midnight. */
export function date(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return '–';
  const text = new Date(milliseconds).toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text.slice(0, 16).replace('T', ' ');
}

function scientific(value: number, decimals: number): string {
  const [digits, exponent] = value.toExponential(decimals).replace('e+', 'e').split('e');
  return `${fixed(Number(digits), decimals)}e${minus(exponent ?? '')}`;
}

function minus(text: string): string {
  return text.replaceAll('-', '−');
}

const EMBEDDINGS: Readonly<Record<string, string>> = {
  umap: 'UMAP',
  tsne: 't-SNE',
  pca: 'PCA',
  diffmap: 'Diffusion map',
  draw_graph_fa: 'Force atlas',
  draw_graph_fr: 'Fruchterman–Reingold',
  spatial: 'Spatial',
};

/** An embedding's name as people say it: X_umap is UMAP; a section, the cells of one slide, is named with the slide. */
export function embeddingName(name: string): string {
  const bare = name.replace(/^X_/, '');
  const slash = bare.indexOf('/');
  if (slash > 0) return `${embeddingName(bare.slice(0, slash))}: ${bare.slice(slash + 1)}`;
  return EMBEDDINGS[bare.toLowerCase()] ?? bare;
}

/** An embedding's name beside others: X_umap and UMAP, which are called alike, are named as in the file. */
export function embeddingNameAmong(name: string, all: readonly { readonly name: string }[]): string {
  const shown = embeddingName(name);
  if (all.some((other) => other.name.startsWith(`${name}/`))) return `${shown}: all slides`;
  return all.some((other) => other.name !== name && embeddingName(other.name) === shown) ? name : shown;
}

/** What a plot shows its cells by: an embedding, or one field against another. */
export function placeName({ name, axes }: { readonly name: string; readonly axes: PlaceAxes | null }): string {
  return axes ? `${axes.y.title} against ${axes.x.title}` : embeddingName(name);
}

interface PlaceAxes {
  readonly x: { readonly title: string };
  readonly y: { readonly title: string };
}

const moments = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });

/** A moment, as the server writes it, in the reader's own time. */
export function moment(time: string): string {
  const value = new Date(time);
  return Number.isNaN(value.getTime()) ? time : moments.format(value);
}

/** A size of a file: 1.2 GB. */
export function bytes(n: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3));
  return `${number(n / 1000 ** step)} ${units[step]}`;
}
