/** Import of annotations, gene sets and saved sessions from files. */
import type { CurationApi } from '../../api/curation';
import type { AnnotationsImported, AnnotationsPreview, Named } from '../../api/curationTypes';
import { ApiError } from '../../api/error';
import { count } from '../../ui/format';

/** A table of annotations that was read, but not imported. */
export interface Table {
  readonly name: string;
  readonly text: string;
  readonly preview: AnnotationsPreview;
}

/** Return a table of annotations with what an import of it would do; null for a session. */
export async function previewTable(api: CurationApi, file: File, cells: string | null): Promise<Table | null> {
  const text = await textOf(file);
  if (text.trimStart().startsWith('{')) return null;
  const choice = cells === null ? {} : { cells };
  return { name: file.name, text, preview: await api.previewAnnotations(text, tableType(file.name, text), choice) };
}

/** Import columns of a table. Returns a report, line by line. */
export async function importTable(api: CurationApi, table: Table, columns: readonly string[]): Promise<string[]> {
  const choice = { columns, cells: table.preview.cells };
  return reportOf(await api.importAnnotations(table.text, tableType(table.name, table.text), choice));
}

/** Send a file to the server. Returns a report, line by line. */
export async function importFile(
  api: CurationApi,
  what: 'annotations' | 'genesets' | 'session',
  file: File,
): Promise<string[]> {
  const text = await textOf(file);
  const stem = file.name.replace(/\.[^.]*$/, '');
  if (what === 'annotations') return reportOf(await api.importAnnotations(text, tableType(file.name, text)));
  if (what === 'genesets') {
    const { genesets, missing, renamed } = await api.importGenesets(text, setType(file.name, text), stem);
    return [
      `${listed(names(genesets))} ${genesets.length === 1 ? 'was' : 'were'} imported.`,
      ...foundOtherwise(renamed),
      ...Object.entries(missing)
        .filter(([, genes]) => genes.length > 0)
        .map(([name, genes]) => `Genes of ${name} that are not in this dataset: ${some(genes)}`),
    ];
  }
  const { annotations, genesets, views, unmatched, duplicated, examples } = await api.importSession(text);
  const parts = [
    [annotations.length, 'annotation', 'annotations'] as const,
    [genesets.length, 'gene set', 'gene sets'] as const,
    [views.length, 'view', 'views'] as const,
  ].filter(([n]) => n > 0);
  return [
    parts.length > 0
      ? `${parts.map(([n, one, more]) => `${count(n)} ${n === 1 ? one : more}`).join(', ')} imported.`
      : 'The session is empty.',
    ...missed(unmatched, duplicated, examples),
  ];
}

/** Return a line on genes that the dataset has under another name. */
function foundOtherwise(renamed: Readonly<Record<string, string>>): string[] {
  const notes = Object.entries(renamed).map(([given, name]) => `${given} → ${name}`);
  return notes.length > 0 ? [`Genes found by another name: ${some(notes)}`] : [];
}

async function textOf(file: File): Promise<string> {
  const text = await file.text();
  if (!text.trim()) throw new ApiError('empty_file', `“${file.name}” is empty.`, 'Choose another file.');
  return text;
}

function reportOf(imported: AnnotationsImported): string[] {
  const { annotations, matched, by, left_out, unmatched, duplicated, examples } = imported;
  const n = (by['barcode and lane'] ?? 0) + (by.barcode ?? 0);
  const how = n > 0 ? ` ${count(n)} were found by their barcodes.` : '';
  return [
    `${listed(names(annotations))} ${annotations.length === 1 ? 'was' : 'were'} imported, for ${cells(matched)}.${how}`,
    ...left_out.map(({ name, reason }) => `Column “${name}” was left out: ${reason}.`),
    ...missed(unmatched, duplicated, examples),
  ];
}

function tableType(name: string, text: string): string {
  const tabs =
    /\.(tsv|tabular)$/i.test(name) || (!/\.csv$/i.test(name) && (text.split('\n', 1)[0] ?? '').includes('\t'));
  return tabs ? 'text/tab-separated-values' : 'text/csv';
}

function setType(name: string, text: string): string {
  if (/\.csv$/i.test(name)) return 'text/csv';
  const [first = ''] = text.split('\n', 1);
  return /\.gmt$/i.test(name) || first.split('\t').length > 2 ? 'text/tab-separated-values' : 'text/plain';
}

function cells(n: number): string {
  return `${count(n)} ${n === 1 ? 'cell' : 'cells'}`;
}

function missed(unmatched: number, duplicated: number, examples: readonly string[]): string[] {
  const named = examples.length > 0 ? `, for example ${examples.slice(0, 3).join(', ')}` : '';
  const lines: string[] = [];
  if (unmatched > 0)
    lines.push(`${cells(unmatched)} of the file ${unmatched === 1 ? 'is' : 'are'} not in this dataset`);
  if (duplicated > 0) {
    lines.push(
      `${cells(duplicated)} of the file ${duplicated === 1 ? 'was' : 'were'} left out because of duplicated names`,
    );
  }
  return lines.map((line) => `${line}${named}.`);
}

function listed(all: readonly string[]): string {
  return all.length > 0 ? all.map((name) => `“${name}”`).join(', ') : 'Nothing';
}

function names(items: readonly Named[]): string[] {
  return items.map((item) => (typeof item === 'string' ? item : item.name));
}

function some(genes: readonly string[]): string {
  const rest = genes.length - 12;
  return genes.slice(0, 12).join(', ') + (rest > 0 ? ` and ${count(rest)} more` : '');
}
