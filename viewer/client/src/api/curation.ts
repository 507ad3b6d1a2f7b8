/** Requests about annotations, gene sets and saved items. They send a revision, so that concurrent changes are detected. */
import type { Column } from '../wire/columns';
import { type Api, pathOf } from './client';
import type {
  AnnotationHistory,
  AnnotationRestored,
  Annotations,
  Assignment,
  Changes,
  Deleted,
  Finished,
  GeneSetRestored,
  GeneSets,
  ItemSaved,
  KeptOpen,
  Reversion,
  Terms,
} from './contract';
import type {
  Agreement,
  AnnotationEdit,
  AnnotationSaved,
  AnnotationsImported,
  AnnotationsImportQuery,
  AnnotationsPreview,
  AnnotationsPreviewQuery,
  ExportedFile,
  GeneSetEdit,
  GeneSetSaved,
  GeneSetsImported,
  SavedItem,
  SavedItemKind,
  SessionImported,
  Term,
} from './curationTypes';
import type { JobAnswer, Selection } from './types';

type Kind = 'annotations' | 'genesets' | SavedItemKind;

const JSON_BODY = { 'Content-Type': 'application/json' };

function at(kind: Kind, name: string, what = ''): string {
  return pathOf(`${kind}/${encodeURIComponent(name)}${what}`);
}

/** The revision that a change is based on, and later ones of this page; null if the revision does not matter. */
export type Seen = number | readonly number[] | null;

/** Return the header with the revisions that a change is based on. */
function match(seen: Seen): Record<string, string> {
  if (seen === null) return {};
  const revisions = typeof seen === 'number' ? [seen] : seen;
  return { 'If-Match': revisions.map((revision) => `"${revision}"`).join(', ') };
}

export class CurationApi {
  constructor(private readonly api: Api) {}

  annotations(): Promise<Annotations> {
    return this.get(pathOf('annotations'));
  }

  codes(name: string): Promise<Column> {
    return this.api.column(at('annotations', name));
  }

  /** Create an annotation (revision null) or change one. */
  putAnnotation(name: string, edit: AnnotationEdit, seen: Seen): Promise<AnnotationSaved> {
    return this.send('PUT', at('annotations', name), edit, seen);
  }

  assign(name: string, assignment: Assignment, seen: Seen): Promise<AnnotationSaved> {
    return this.send('POST', at('annotations', name, '/assign'), assignment, seen);
  }

  /** Undo the change that made a revision. */
  revertAnnotation(name: string, reversion: Reversion): Promise<AnnotationRestored> {
    return this.send('POST', at('annotations', name, '/revert'), reversion, null);
  }

  restoreAnnotation(name: string, to: number, revision: number | null): Promise<AnnotationRestored> {
    return this.send('POST', at('annotations', name, '/restore'), { revision: to }, revision);
  }

  revisions(name: string): Promise<AnnotationHistory> {
    return this.get(at('annotations', name, '/revisions'));
  }

  agreement(a: string, b: string, within: Selection | null, signal: AbortSignal): Promise<Agreement> {
    if (within !== null) return this.api.within('agreement', { a, b }, within, signal);
    return this.get(pathOf('agreement', { a, b }), signal);
  }

  async terms(text: string, limit: number, signal: AbortSignal): Promise<readonly Term[]> {
    const { terms } = await this.get<Terms>(pathOf('terms', { q: text, limit }), signal);
    return terms;
  }

  genesets(): Promise<GeneSets> {
    return this.get(pathOf('genesets'));
  }

  putGeneset(name: string, edit: GeneSetEdit, revision: number | null): Promise<GeneSetSaved> {
    return this.send('PUT', at('genesets', name), edit, revision);
  }

  restoreGeneset(name: string, to: number, revision: number | null): Promise<GeneSetRestored> {
    return this.send('POST', at('genesets', name, '/restore'), { revision: to }, revision);
  }

  remove(kind: Kind, name: string, seen: Seen): Promise<Deleted> {
    return this.api.json(at(kind, name), { method: 'DELETE', headers: match(seen) });
  }

  changes(since: number): Promise<Changes> {
    return this.get(pathOf('changes', { since }));
  }

  async savedItems(kind: SavedItemKind): Promise<readonly SavedItem[]> {
    const answer = await this.get<Record<string, readonly SavedItem[]>>(pathOf(kind));
    return answer[kind] ?? [];
  }

  savedBody<T>(kind: 'views' | 'results', name: string): Promise<T> {
    return this.get(at(kind, name));
  }

  save(kind: 'views' | 'results', name: string, body: unknown, revision: number | null): Promise<ItemSaved> {
    return this.send('PUT', at(kind, name), body, revision);
  }

  /** The result of a finished job, with so many genes of each category. */
  async jobResult<T>(id: string, limit: number): Promise<T | null> {
    return (await this.api.job<T>(id, 0, limit, new AbortController().signal)).result;
  }

  saveFigure(name: string, figure: Blob, revision: number | null): Promise<ItemSaved> {
    const headers = { 'Content-Type': figure.type, ...match(revision) };
    return this.api.json(at('figures', name), { method: 'PUT', headers, body: figure });
  }

  /** Return the URL of a saved figure. */
  figureAddress(name: string): string {
    return this.api.transport.address(at('figures', name));
  }

  /** Download a file; the path is relative to `export/`. */
  async file(path: string, query: Record<string, string> = {}): Promise<Blob> {
    return this.api.blob(pathOf(`export/${path}`, query));
  }

  /** Return the URL of a file that a job has written. */
  downloadAddress({ download }: ExportedFile): string {
    return this.api.transport.address(download);
  }

  /** Write a new h5ad, of the cells of a selection or of all (null). */
  exportH5ad(cells: Selection | null, giveUp: AbortSignal): Promise<JobAnswer<ExportedFile>> {
    return this.api.start('export/h5ad', cells === null ? {} : { selection: cells }, giveUp);
  }

  /** Import a session or a table: the chosen columns, by default all with labels. */
  importAnnotations(text: string, type: string, choice: AnnotationsImportQuery = {}): Promise<AnnotationsImported> {
    return this.upload(pathOf('import/annotations', { ...choice }), text, type);
  }

  /** Return what an import of a table would do; without the column of names, the server finds it. */
  previewAnnotations(text: string, type: string, choice: AnnotationsPreviewQuery = {}): Promise<AnnotationsPreview> {
    return this.upload(pathOf('import/annotations/preview', { ...choice }), text, type);
  }

  importGenesets(text: string, type: string, name: string): Promise<GeneSetsImported> {
    return this.upload(pathOf('import/genesets', name ? { name } : {}), text, type);
  }

  importSession(text: string): Promise<SessionImported> {
    return this.upload(pathOf('import/session'), text, 'application/json');
  }

  finish(key: string): Promise<Finished> {
    return this.send('POST', pathOf('finish'), { key }, null);
  }

  stayOpen(): Promise<KeptOpen> {
    return this.send('POST', pathOf('keep'), {}, null);
  }

  private get<T>(url: string, signal?: AbortSignal): Promise<T> {
    return this.api.json<T>(url, { cache: 'no-store', ...(signal ? { signal } : {}) });
  }

  private send<T>(method: string, url: string, body: unknown, seen: Seen): Promise<T> {
    const headers = { ...JSON_BODY, ...match(seen) };
    return this.api.json<T>(url, { method, headers, body: JSON.stringify(body) });
  }

  private upload<T>(url: string, text: string, type: string): Promise<T> {
    return this.api.json<T>(url, { method: 'POST', headers: { 'Content-Type': type }, body: text });
  }
}
