/** What is open on the page: panels, dialogs, the plot to act on. Of no interest to undo. */
import type { Scatter } from '../canvas/scatter';
import { save } from './download';
import type { Camera } from './saved';
import type { Viewer } from './viewer.svelte';

export type Tab = 'cells' | 'genes' | 'compare' | 'markers';

/** Pixels of the plot below its tools, and above the count of cells. */
const COVERED_ABOVE = 42;
const COVERED_BELOW = 24;

export class Page {
  left = $state(true);
  right = $state(true);
  tab = $state<Tab>('cells');
  help = $state(false);
  palette = $state(false);
  narrow = $state(false);
  scatter = $state.raw<Scatter | null>(null);
  /** The embedding whose cells the plot has. */
  private embedding: string | null = null;
  /** What a link wants to show of an embedding that is still to come. */
  private wanted: { readonly camera: Camera; readonly embedding: string } | null = null;
  /** The view that showed all cells last. */
  private shown: Camera | null = null;
  private readonly query = window.matchMedia('(max-width: 999px)');

  constructor() {
    this.narrow = this.query.matches;
    this.query.addEventListener('change', (event) => {
      this.narrow = event.matches;
    });
  }

  /** Bring a panel into sight. */
  open(tab: Tab): void {
    this.tab = tab;
    if (tab === 'cells') this.left = true;
    else this.right = true;
    if (this.narrow) this.right = true;
  }

  /** Show all cells in the part of the plot that nothing covers. */
  fit(animate: boolean): void {
    const { scatter } = this;
    if (!scatter) return;
    const whole = this.whole(scatter);
    this.shown = { x: whole.x, y: whole.y, zoom: whole.scale / scatter.fitted.scale };
    scatter.setView(whole, animate);
  }

  /** The view of all cells in the part of the plot that nothing covers. */
  private whole({ fitted, size }: Scatter): Scatter['view'] {
    const free = Math.max(1, size.height - COVERED_ABOVE - COVERED_BELOW) / Math.max(1, size.height);
    const scale = fitted.scale * free;
    return { x: fitted.x, y: fitted.y + (COVERED_ABOVE - COVERED_BELOW) / 2 / scale, scale };
  }

  /** The plot has cells, those of an embedding: show them all, or what a link wants to show. */
  placed(embedding: string): void {
    this.embedding = embedding;
    this.fit(false);
    if (this.wanted?.embedding === embedding) this.look(this.wanted.camera, embedding);
  }

  /** The plot has another size: show all cells again, if all were shown before. */
  refit(): void {
    if (this.atWhole) this.fit(false);
  }

  /** Whether the view has not been moved since all cells were shown. */
  private get atWhole(): boolean {
    const { scatter, shown } = this;
    if (!scatter || !shown) return false;
    const { x, y, scale } = scatter.view;
    const near = (one: number, other: number) => Math.abs(one - other) * scale < 1;
    const zoom = scale / scatter.fitted.scale;
    return near(x, shown.x) && near(y, shown.y) && Math.abs(zoom / shown.zoom - 1) < 1e-3;
  }

  /** Where the camera looks; null while it shows all cells. */
  get camera(): Camera | null {
    const { scatter } = this;
    if (!scatter || this.atWhole || scatter.size.width === 0) return null;
    const { x, y, scale } = scatter.view;
    return { x: short(x), y: short(y), zoom: short(scale / scatter.fitted.scale) };
  }

  /** Look where a camera looks, as soon as its embedding is shown. */
  look(camera: Camera, embedding: string): void {
    const { scatter } = this;
    if (!scatter || this.embedding !== embedding) {
      this.wanted = { camera, embedding };
      return;
    }
    this.wanted = null;
    scatter.setView({ x: camera.x, y: camera.y, scale: camera.zoom * scatter.fitted.scale });
  }

  async savePicture(viewer: Viewer): Promise<void> {
    if (!this.scatter) return;
    try {
      save(await this.scatter.toPNG({ scale: 3 }), `${viewer.schema.title} ${viewer.coloring.title}.png`);
    } catch (error) {
      viewer.fail(error);
    }
  }
}

/** A number in as few digits as a picture needs. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}
