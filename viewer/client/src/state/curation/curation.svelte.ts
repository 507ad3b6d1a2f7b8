/** Annotations, gene sets and saved items of a dataset, and their synchronization with the server. */
import { CurationApi } from '../../api/curation';
import { sleep } from '../../api/sleep';
import type { Compare } from '../compare/compare.svelte';
import type { Sharing } from '../viewer/sharing.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import { Annotations } from './annotations.svelte';
import { Downloads } from './downloads.svelte';
import { GeneSets } from './geneSets.svelte';
import { IdleEnd } from './idle.svelte';
import { importFile, importTable, previewTable, type Table } from './importFile';
import { SavedItems } from './savedItems.svelte';
import { Saving } from './saving.svelte';

/** Milliseconds between two requests for changes of other pages, while this one is used. */
const INTERVAL = 20_000;
/** Milliseconds without input after which these requests stop. */
const ATTENTION = 60_000;

/** The number of terms of a vocabulary in a list. */
const TERMS = 8;

/** An annotation by its id, or a column of the file: an edit of its categories makes the user's version of it. */
export type LabelSource = { readonly annotation: string } | { readonly column: string };

/** The open dialog. */
export type Dialog =
  | { readonly kind: 'new-annotation' }
  | { readonly kind: 'history' | 'rename-annotation'; readonly id: string }
  | { readonly kind: 'label'; readonly source: LabelSource; readonly label: number }
  | { readonly kind: 'parent'; readonly source: LabelSource; readonly parent: string }
  | { readonly kind: 'merge-labels'; readonly source: LabelSource; readonly labels: readonly number[] }
  | { readonly kind: 'name-categories'; readonly from: string | null }
  | { readonly kind: 'agreement'; readonly id: string | null }
  | { readonly kind: 'geneset'; readonly id: string | null; readonly genes?: readonly string[]; readonly name?: string }
  | { readonly kind: 'import'; readonly what: 'annotations' | 'genesets' | 'session'; readonly file?: File }
  | { readonly kind: 'finish' };

export class Curation {
  readonly api: CurationApi;
  readonly saving = new Saving();
  readonly annotations: Annotations;
  readonly genesets: GeneSets;
  readonly savedItems: SavedItems;
  readonly idle: IdleEnd;
  readonly downloads: Downloads;
  dialog = $state.raw<Dialog | null>(null);
  /** Whether the popover that labels the selected cells is open. */
  picking = $state(false);
  /** Whether the user has finished the session of the server. */
  finished = $state(false);
  /** The revision of the last known change. */
  private revision = 0;
  private touched = Date.now();
  private looking = false;
  private readonly controller = new AbortController();

  constructor(
    private readonly viewer: Viewer,
    sharing: Sharing,
    compare: Compare,
  ) {
    this.api = new CurationApi(viewer.api);
    this.saving.disabled = !this.canEdit;
    this.annotations = new Annotations(viewer, this.saving, this.api);
    this.genesets = new GeneSets(viewer, this.saving, this.api);
    this.genesets.items.isSaved = viewer.schema.features.genesets !== false;
    this.savedItems = new SavedItems(this.api, this.saving, sharing, compare, viewer.schema.max_saved_item_bytes);
    this.downloads = new Downloads(viewer, this.api, this.saving);
    this.idle = new IdleEnd(this.api, (signal) => viewer.api.health(signal));
    viewer.timeline.onItemStates = (itemStates) => {
      const settles = [this.annotations.items.restoreStates(itemStates), this.genesets.items.restoreStates(itemStates)];
      return () => {
        for (const settle of settles) settle();
      };
    };
    if (this.canEdit) viewer.saveFigure = (name, figure) => this.savedItems.saveFigure(name, figure);
    compare.onFound = (comparison) => {
      if (this.canEdit) this.savedItems.saveResult(comparison);
    };
    compare.onRemoved = (comparison) => this.savedItems.removeResult(comparison);
    compare.byCategory.onFound = (overview) => {
      if (this.canEdit) this.savedItems.saveOverview(overview);
    };
    compare.byCategory.onRemoved = (overview) => this.savedItems.removeResult(overview);
    viewer.groupings.annotations = () =>
      this.annotations.list.map(({ value }) => ({ name: value.name, labels: value.labels.map(({ name }) => name) }));
    viewer.groupings.saved = () => this.saving.drained();
    this.listen();
    void this.open();
    this.idle.start();
  }

  /** Whether the server saves annotations. */
  get isEnabled(): boolean {
    return this.viewer.schema.features.annotations !== undefined;
  }

  /** Whether the user may create and edit annotations. */
  get canEdit(): boolean {
    return this.viewer.schema.features.annotations === true;
  }

  /** Close the dialog. */
  close(): void {
    this.dialog = null;
  }

  private async open(): Promise<void> {
    if (!this.isEnabled) return;
    try {
      const { revision } = await this.api.annotations();
      this.revision = revision;
      await this.annotations.open();
      await Promise.all([this.genesets.items.refresh(), this.savedItems.refresh()]);
    } catch (error) {
      this.viewer.fail(error);
    }
    void this.follow();
  }

  /** Whether the server has a vocabulary for label names. */
  get hasTerms(): boolean {
    return this.viewer.schema.features.terms === true;
  }

  /** Search the vocabulary; the detail of a term is its id. */
  async terms(
    text: string,
    signal: AbortSignal,
  ): Promise<readonly { readonly name: string; readonly detail: string }[]> {
    const found = await this.api.terms(text, TERMS, signal);
    return found.map(({ name, id }) => ({ name, detail: id }));
  }

  /** Import a file. Returns a report, line by line. */
  import(what: 'annotations' | 'genesets' | 'session', file: File): Promise<string[]> {
    return this.refreshedAfter(() => importFile(this.api, what, file));
  }

  /** Return a table of annotations with what an import of it would do; null for a session. */
  preview(file: File, cells: string | null = null): Promise<Table | null> {
    return previewTable(this.api, file, cells);
  }

  /** Import columns of a table. Returns a report, line by line. */
  importTable(table: Table, columns: readonly string[]): Promise<string[]> {
    return this.refreshedAfter(() => importTable(this.api, table, columns));
  }

  private async refreshedAfter(request: () => Promise<string[]>): Promise<string[]> {
    await this.saving.drained();
    const lines = await request();
    await Promise.all([this.annotations.items.refresh(), this.genesets.items.refresh(), this.savedItems.refresh()]);
    return lines;
  }

  /** Fetch the changes that were made in other tabs or by other users. */
  async look(): Promise<void> {
    if (this.looking || this.finished || this.saving.waiting > 0) return;
    this.looking = true;
    try {
      const { revision, changes } = await this.api.changes(this.revision);
      const others = changes.filter(
        (change) => !this.annotations.items.isOwn(change.revision) && !this.genesets.items.isOwn(change.revision),
      );
      const kinds = new Set(others.map(({ kind }) => kind));
      if (kinds.has('annotation')) await this.annotations.items.refresh();
      if (kinds.has('geneset')) await this.genesets.items.refresh();
      if (kinds.has('view')) await this.savedItems.refresh(['views']);
      if (kinds.has('result')) await this.savedItems.refresh(['results']);
      if (kinds.has('figure')) await this.savedItems.refresh(['figures']);
      this.revision = revision;
    } catch {
      // The next request finds them; a lost connection is reported by the requests of the user.
    } finally {
      this.looking = false;
    }
  }

  private async follow(): Promise<void> {
    const { signal } = this.controller;
    try {
      while (!signal.aborted) {
        await sleep(INTERVAL, signal);
        if (document.visibilityState === 'visible' && Date.now() - this.touched < ATTENTION) await this.look();
      }
    } catch {
      // The page is closed.
    }
  }

  private listen(): void {
    const { signal } = this.controller;
    const touch = () => {
      this.touched = Date.now();
    };
    for (const event of ['pointerdown', 'keydown', 'wheel']) {
      window.addEventListener(event, touch, { passive: true, signal });
    }
    const look = () => {
      if (document.visibilityState === 'visible' && this.isEnabled) void this.look();
    };
    window.addEventListener('focus', look, { signal });
    document.addEventListener('visibilitychange', look, { signal });
    window.addEventListener(
      'beforeunload',
      (event) => {
        if (this.saving.waiting > 0 && !this.finished) event.preventDefault();
      },
      { signal },
    );
  }

  /** Save everything and stop the server. */
  async finish(): Promise<void> {
    await this.saving.drained();
    // The key of a server that was restarted meanwhile is another.
    const { finish_key: key } = await this.viewer.api.schema();
    await this.api.finish(key);
    this.finished = true;
  }

  dispose(): void {
    this.controller.abort();
    this.idle.dispose();
  }
}
