/** What is open on the page: panels, dialogs, the plot to act on. Of no interest to undo. */
import type { Scatter } from '../canvas/scatter';
import { save } from './download';
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
  /** The view that showed all cells last: its zoom is of the whole plot's. */
  private fitted: { x: number; y: number; zoom: number } | null = null;
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
    const before = scatter.view;
    scatter.fit();
    const { height, width } = scatter.size;
    const free = Math.max(1, height - COVERED_ABOVE - COVERED_BELOW) / Math.max(1, height);
    const [x, y] = scatter.unproject(width / 2, height / 2 - (COVERED_ABOVE - COVERED_BELOW) / 2 / free);
    const target = { x, y, scale: scatter.view.scale * free };
    if (animate) scatter.setView(before);
    this.fitted = { x, y, zoom: free };
    scatter.setView(target, animate);
  }

  /** The plot has another size: show all cells again, if all were shown before. */
  refit(): void {
    const { scatter, fitted } = this;
    if (!scatter || !fitted) return;
    const now = scatter.view;
    scatter.fit();
    const near = (one: number, other: number) => Math.abs(one - other) * scatter.view.scale < 1;
    const untouched =
      near(now.x, fitted.x) && near(now.y, fitted.y) && isNear(now.scale / scatter.view.scale, fitted.zoom);
    scatter.setView(now);
    if (untouched) this.fit(false);
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

function isNear(one: number, other: number): boolean {
  return Math.abs(one / other - 1) < 1e-3;
}
