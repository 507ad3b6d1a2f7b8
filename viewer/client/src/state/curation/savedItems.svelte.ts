/** Saved items: the views, results and figures that are saved with the dataset. */
import type { CurationApi } from '../../api/curation';
import type { SavedItem, SavedItemKind } from '../../api/curationTypes';
import { ApiError } from '../../api/error';
import type { ByCategoryResult, DiffexpResult } from '../../api/types';
import { type Overview, titleOfOverview } from '../compare/byCategory.svelte';
import { type Compare, type Comparison, titleOf } from '../compare/compare.svelte';
import type { SavedView } from '../view/savedView';
import type { Sharing } from '../viewer/sharing.svelte';
import { rounded } from './rounded';
import { genesToAsk, type SavedOverview, savedOverview } from './savedOverview';
import type { Saving } from './saving.svelte';

/** The width of a thumbnail in pixels; twice that on the page, for dense screens. */
const THUMBNAIL = 288;

/** A comparison as it is saved. */
interface SavedResult {
  readonly version: 1;
  readonly a: string;
  readonly b: string;
  readonly result: DiffexpResult;
}

interface ViewWithThumbnail extends SavedView {
  readonly thumbnail?: string;
}

export class SavedItems {
  views = $state.raw<readonly SavedItem[]>([]);
  results = $state.raw<readonly SavedItem[]>([]);
  figures = $state.raw<readonly SavedItem[]>([]);
  /** The view that was deleted last, which can be restored. */
  deleted = $state.raw<{ readonly name: string; readonly view: ViewWithThumbnail } | null>(null);
  /** Whether the strip of views is open. */
  open = $state(false);
  /** The revisions of the views. */
  private readonly revisions = new Map<string, number>();
  private readonly names = new Map<Comparison | Overview, string>();

  constructor(
    private readonly api: CurationApi,
    private readonly saving: Saving,
    private readonly sharing: Sharing,
    private readonly compare: Compare,
    /** The limit of the size of an item in bytes. */
    private readonly room: number,
  ) {}

  async refresh(kinds: readonly SavedItemKind[] = ['views', 'results', 'figures']): Promise<void> {
    await Promise.all(
      kinds.map(async (kind) => {
        const listed = await this.api.savedItems(kind);
        this[kind] = listed;
        if (kind === 'views') for (const { name, revision } of listed) this.revisions.set(name, revision);
      }),
    );
  }

  // Views

  /** Save the current view. Returns what is too large to be saved. */
  async saveView(name: string): Promise<readonly string[]> {
    const { saved, omitted } = this.sharing.serializeView();
    const picture = await this.sharing.thumbnail(THUMBNAIL);
    const view: ViewWithThumbnail = picture ? { ...saved, thumbnail: await dataAddress(picture) } : saved;
    this.putView(name, view, `view “${name}”`);
    return omitted;
  }

  private putView(name: string, view: ViewWithThumbnail, what: string): void {
    const picture = view.thumbnail === undefined ? {} : { thumbnail: view.thumbnail };
    const shown = { name, revision: 0, time: '', bytes: 0, ...picture };
    this.views = [...this.views.filter((one) => one.name !== name), shown];
    this.write('views', name, what, async () => {
      const { revision } = await this.api.save('views', name, view, this.revisions.get(name) ?? null);
      this.revisions.set(name, revision);
    });
  }

  async openView(name: string): Promise<readonly string[]> {
    await this.saving.drained();
    return this.sharing.restoreView(await this.api.savedBody('views', name));
  }

  async renameView(name: string, to: string): Promise<void> {
    await this.saving.drained();
    const view = await this.api.savedBody<ViewWithThumbnail>('views', name);
    const old = this.views.find((one) => one.name === name);
    this.views = this.views.map((one) => (one === old ? { ...one, name: to } : one));
    this.write('views', to, `view “${to}”`, async () => {
      await this.api.save('views', to, view, null).catch(allow(412));
      await this.api.remove('views', name, null).catch(allow(404));
    });
  }

  async deleteView(name: string): Promise<void> {
    await this.saving.drained();
    this.deleted = { name, view: await this.api.savedBody<ViewWithThumbnail>('views', name) };
    this.views = this.views.filter((one) => one.name !== name);
    this.remove('views', name);
  }

  restoreDeleted(): void {
    const { deleted } = this;
    this.deleted = null;
    if (deleted) this.putView(deleted.name, deleted.view, `view “${deleted.name}”`);
  }

  // Figures

  saveFigure(wanted: string, figure: Blob): void {
    const name = freeName(wanted, this.figures);
    // The server expects the type without a character set.
    const body = new Blob([figure], { type: figure.type.split(';')[0] ?? '' });
    this.write('figures', name, `figure “${name}”`, async () => {
      await this.api.saveFigure(name, body, null).catch(allow(412));
    });
  }

  deleteFigure(name: string): void {
    this.figures = this.figures.filter((one) => one.name !== name);
    this.remove('figures', name);
  }

  // Results

  /** Save a finished comparison. */
  saveResult(comparison: Comparison): void {
    const name = freeName(titleOf(comparison), this.results);
    this.names.set(comparison, name);
    const { a, b, result, genes } = comparison;
    const { job_id: _job, ...rest } = result;
    const body: SavedResult = { version: 1, a, b, result: { ...rest, genes: genes.map(rounded) } };
    this.results = [...this.results, { name, revision: 0, time: '', bytes: 0 }];
    this.write('results', name, `comparison “${name}”`, async () => {
      await this.api.save('results', name, body, null).catch(allow(412));
    });
  }

  /** Save a finished comparison within each category, with the genes that there is room for. */
  saveOverview(overview: Overview): void {
    const name = freeName(titleOfOverview(overview), this.results);
    this.names.set(overview, name);
    this.results = [...this.results, { name, revision: 0, time: '', bytes: 0 }];
    let body: SavedOverview | null = null;
    this.write('results', name, `comparison “${name}”`, async () => {
      body ??= savedOverview(overview, await this.withGenes(overview.result), this.room);
      await this.api.save('results', name, body, null).catch(allow(412));
    });
  }

  /** Return a comparison within each category with as many genes as may be saved. */
  private async withGenes(result: ByCategoryResult): Promise<ByCategoryResult> {
    const { job_id } = result;
    if (!job_id) return result;
    try {
      const limit = genesToAsk(result, this.room);
      return (await this.api.jobResult<ByCategoryResult>(job_id, limit)) ?? result;
    } catch (error) {
      // the server has forgotten the job: what the page has is saved
      if (error instanceof ApiError && error.status === 404) return result;
      throw error;
    }
  }

  /** Delete the saved result of a comparison that was removed from the page. */
  removeResult(comparison: Comparison | Overview): void {
    const name = this.names.get(comparison);
    if (name === undefined) return;
    this.names.delete(comparison);
    this.results = this.results.filter((one) => one.name !== name);
    this.remove('results', name);
  }

  /** The saved results that are not on the page. */
  get otherResults(): readonly SavedItem[] {
    const onPage = [...this.compare.results, ...this.compare.byCategory.overviews];
    const shown = new Set(onPage.map((comparison) => this.names.get(comparison)));
    return this.results.filter(({ name }) => !shown.has(name));
  }

  async openResult(name: string): Promise<void> {
    const saved = await this.api.savedBody<SavedResult | SavedOverview>('results', name);
    if ('column' in saved) {
      this.names.set(this.compare.byCategory.bringBack(saved), name);
      return;
    }
    const { a, b, result } = saved;
    const comparison = this.compare.bringBack({ a, b, result, genes: result.genes });
    this.names.set(comparison, name);
  }

  deleteResult(name: string): void {
    this.results = this.results.filter((one) => one.name !== name);
    this.remove('results', name);
  }

  private remove(kind: SavedItemKind, name: string): void {
    this.write(kind, name, `“${name}” deleted`, async () => {
      await this.api.remove(kind, name, null).catch(allow(404));
      if (kind === 'views') this.revisions.delete(name);
    });
  }

  private write(kind: SavedItemKind, name: string, what: string, send: () => Promise<void>): void {
    this.saving.add({
      about: `${kind}:${name}`,
      what,
      send: async () => {
        await send();
        if (kind !== 'results') await this.refresh([kind]);
      },
      revert: () => this.refresh([kind]),
      canRebase: (current) => kind === 'views' && current !== null,
      rebase: (current) => {
        this.revisions.set(name, (current as SavedItem).revision);
      },
    });
  }
}

/** Return a name that no item has. */
function freeName(wanted: string, listed: readonly SavedItem[]): string {
  const taken = new Set(listed.map(({ name }) => name));
  for (let k = 1; ; k++) {
    const name = k === 1 ? wanted : `${wanted} (${k})`;
    if (!taken.has(name)) return name;
  }
}

/** Ignore errors of a status, which mean that an earlier attempt was successful. */
function allow(status: number): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof ApiError) || error.status !== status) throw error;
  };
}

async function dataAddress(picture: Blob): Promise<string> {
  const bytes = new Uint8Array(await picture.arrayBuffer());
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `data:${picture.type};base64,${btoa(binary)}`;
}
