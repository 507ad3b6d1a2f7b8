/** The view in the URL of the page: written when it changes, read when the page opens or the browser navigates. */
import { untrack } from 'svelte';
import type { Api } from '../../api/client';
import type { Schema } from '../../api/types';
import type { Page } from '../page/page.svelte';
import { hashOf, readHash } from '../view/address';
import { type GeneRef, geneKey, keyOf } from '../view/fieldRef';
import { type ReadView, readView } from '../view/readView';
import { OBLIQUE } from '../view/rotation3d';
import { type SavedSet, type SavedView, savedView } from '../view/savedView';
import type { CellsRef, View } from '../view/view';
import { fieldsOf } from './pane.svelte';
import type { Viewer } from './viewer.svelte';

/** Milliseconds after the last movement of a camera before it is written. */
const REST = 400;
/** The limit of views in memory for the browser's history. */
const MAX_VISITED = 200;

/** Read the view of a URL, as far as it fits the dataset; null if the URL has none. */
export async function viewOf(hash: string, api: Api, schema: Schema): Promise<ReadView | null> {
  let given: unknown;
  try {
    given = await readHash(hash);
  } catch {
    return readView(null, schema);
  }
  return given === null ? null : withKnownGenes(readView(given, schema), api);
}

/** Leave out genes that the dataset does not have. */
async function withKnownGenes(read: ReadView, api: Api): Promise<ReadView> {
  const unknown: GeneRef[] = [];
  await Promise.all(
    read.view.genes.map(async (ref) => {
      if (ref.list) return;
      const { genes } = await api.genes(ref.gene, ref.matrix, 10, new AbortController().signal);
      if (!genes.some(({ name, id }) => name === ref.gene || id === ref.gene)) unknown.push(ref);
    }),
  );
  if (unknown.length === 0) return read;
  const keys = new Set(unknown.map(geneKey));
  const { color, genes, filters } = read.view;
  const view: View = {
    ...read.view,
    color: fieldsOf(color).some((ref) => keys.has(keyOf(ref))) ? { kind: 'none' } : color,
    genes: genes.filter((ref) => !keys.has(geneKey(ref))),
    filters: Object.fromEntries(Object.entries(filters).filter(([key]) => !keys.has(key))),
  };
  const names = unknown.map(({ gene }) => (gene.length > 40 ? `${gene.slice(0, 40)}…` : gene));
  return { ...read, view, dropped: [...read.dropped, `the genes ${names.slice(0, 5).join(', ')}`] };
}

export class Sharing {
  /** Views by the number of their entry in the browser's history. */
  private readonly visited = new Map<number, View>();
  private at = 0;
  private steps: number;
  private rotated = false;
  private written: View | null = null;
  /** Returns the layout of the page; null if it is as the page opens. */
  layout = $state.raw<() => unknown>(() => null);
  /** The parts of the view that are too large for a link. */
  private omitted: readonly string[] = [];
  private writing: Promise<void> = Promise.resolve();
  /** The number of views whose sets of cells are being resolved. */
  private completing = 0;
  /** The number of navigations in the browser's history; a URL from before a navigation is not written. */
  private moves = 0;
  private readonly stop: () => void;

  constructor(
    private readonly viewer: Viewer,
    private readonly page: Page,
    read: ReadView | null,
  ) {
    this.steps = viewer.timeline.steps;
    this.at = Date.now();
    if (read) void this.complete(read);
    const onPopState = (event: PopStateEvent) => void this.goBack(event.state);
    window.addEventListener('popstate', onPopState);
    const stopEffects = $effect.root(() => {
      $effect(() => this.follow(viewer.view));
      $effect(() => this.followCamera());
      $effect(() => this.followRotation());
      $effect(() => this.followLayout());
    });
    this.stop = () => {
      window.removeEventListener('popstate', onPopState);
      stopEffects();
    };
  }

  dispose(): void {
    this.stop();
  }

  /** Serialize the current view. */
  serializeView(): { saved: SavedView; omitted: string[] } {
    const { viewer } = this;
    return savedView(viewer.view, viewer.schema, (key) => viewer.fields.refOf(key), this.viewer.pane.camera);
  }

  /** Show a saved view, as one step. Returns the parts that do not fit the dataset. */
  async restoreView(saved: unknown): Promise<readonly string[]> {
    const read = await withKnownGenes(readView(saved, this.viewer.schema), this.viewer.api);
    this.viewer.fields.learn(read.view.genes);
    this.viewer.commit(read.view);
    return this.complete(read);
  }

  /** Draw a thumbnail of the plot, `width` pixels wide. */
  async thumbnail(width = 240): Promise<Blob | null> {
    const { scatter } = this.page;
    if (!scatter || scatter.size.width === 0) return null;
    return scatter.toPNG({ scale: width / scatter.size.width });
  }

  /** Copy a link to the current view to the clipboard. */
  async copyLink(): Promise<void> {
    this.follow(this.viewer.view);
    // also of the camera and the layout, which are written when they rest
    this.write(this.viewer.view, false);
    await this.writing;
    const link = window.location.href;
    const left = this.omitted.length ? `Too large for a link and left out: ${this.omitted.join(', ')}.` : '';
    if (await copied(link))
      this.viewer.notify('Link copied.', left || 'It opens this view for everyone with access to this page.');
    else this.viewer.notify('Copy the address of this page: it opens this view.', left);
  }

  /** Resolve the sets of cells of a view, and report the parts that do not fit. */
  private async complete(read: ReadView): Promise<readonly string[]> {
    const { viewer } = this;
    const start: View = viewer.view;
    const dropped = [...read.dropped];
    this.completing++;
    try {
      const sets = { setA: read.setA, setB: read.setB, subset: read.subset };
      const completed: { -readonly [Key in keyof View]: View[Key] } = { ...start };
      if (read.lasso) completed.lasso = await this.resolveSet({ cells: read.lasso });
      for (const name of ['setA', 'setB', 'subset'] as const) {
        const set = sets[name];
        if (set) completed[name] = await this.resolveSet(set);
      }
      const made = read.lasso || read.setA || read.setB || read.subset;
      if (viewer.view === start && made) viewer.timeline.amend(completed);
    } catch (error) {
      viewer.fail(error);
    } finally {
      this.completing--;
    }
    this.write(viewer.view, false);
    if (read.camera && read.view.embedding) viewer.pane.look(read.camera, read.view.embedding);
    if (dropped.length) {
      viewer.notify('Parts of the link do not fit this dataset.', `Left out: ${dropped.slice(0, 6).join('; ')}.`);
    }
    return dropped;
  }

  /** Resolve the expression of a set. */
  private async resolveSet({ name, cells: expression }: SavedSet): Promise<CellsRef | null> {
    const { viewer } = this;
    const cells = await viewer.resolveSelection(expression);
    return cells.length ? { ...viewer.cells.add(cells, expression), ...(name === undefined ? {} : { name }) } : null;
  }

  /** Write the view into the URL: with a new entry in the browser's history for every step. */
  private follow(view: View): void {
    if (view === this.written) return;
    const step = this.written !== null && this.viewer.timeline.steps !== this.steps;
    this.steps = this.viewer.timeline.steps;
    this.written = view;
    this.write(view, step);
  }

  private followCamera(): undefined | (() => void) {
    const { scatter } = this.page;
    if (!scatter) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = scatter.onView(() => {
      clearTimeout(timer);
      timer = setTimeout(() => this.write(this.viewer.view, false), REST);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }

  /** Write the rotation of an embedding of three columns after its last change. */
  private followRotation(): undefined | (() => void) {
    if (this.viewer.pane.rotation === OBLIQUE && !this.rotated) return;
    this.rotated = true;
    const timer = setTimeout(() => this.write(this.viewer.view, false), REST);
    return () => clearTimeout(timer);
  }

  /** Write the layout of the page after its last change, which is no step. */
  private followLayout(): () => void {
    this.layout();
    const timer = setTimeout(
      () =>
        this.write(
          untrack(() => this.viewer.view),
          false,
        ),
      REST,
    );
    return () => clearTimeout(timer);
  }

  private write(view: View, step: boolean): void {
    // The URL is complete; the view is not yet.
    if (!step && this.completing > 0) return;
    if (step) this.at++;
    const { at, moves } = this;
    this.visited.set(at, view);
    for (const old of this.visited.keys()) if (this.visited.size > MAX_VISITED) this.visited.delete(old);
    const { saved, omitted } = this.serializeView();
    const layout = untrack(() => this.layout());
    this.writing = this.writing.then(async () => {
      const hash = `#${await hashOf(layout ? { ...saved, layout } : saved)}`;
      if (moves !== this.moves) return;
      this.omitted = omitted;
      // A sandboxed frame may forbid it, and browsers limit its rate: the page works without.
      try {
        if (step) window.history.pushState({ starcyte: at }, '', hash);
        else window.history.replaceState({ starcyte: at }, '', hash);
      } catch {}
    });
  }

  private async goBack(state: unknown): Promise<void> {
    const { viewer } = this;
    this.moves++;
    const number = (state as { starcyte?: unknown } | null)?.starcyte;
    const found = typeof number === 'number' ? this.visited.get(number) : undefined;
    if (typeof number === 'number') this.at = number;
    if (found && viewer.timeline.revisit(found)) {
      this.written = viewer.view;
      this.steps = viewer.timeline.steps;
      return;
    }
    const read = await viewOf(window.location.hash, viewer.api, viewer.schema);
    if (!read) return;
    this.viewer.fields.learn(read.view.genes);
    this.written = read.view;
    viewer.commit(read.view);
    this.steps = viewer.timeline.steps;
    await this.complete(read);
  }
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages without HTTPS have no clipboard API, but the old command.
    const field = document.createElement('textarea');
    field.value = text;
    field.style.position = 'fixed';
    field.style.opacity = '0';
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}
