/** Open panels and dialogs and the active plot; these are not undone. */
import type { Scatter } from '../../canvas/scatter';

export type Tab = 'cells' | 'genes' | 'compare' | 'markers';

export class Page {
  left = $state(true);
  right = $state(true);
  tab = $state<Tab>('cells');
  help = $state(false);
  palette = $state(false);
  saving = $state(false);
  /** Whether the dialog for two fields is open. */
  two = $state(false);
  /** Whether the table of the cells is open. */
  table = $state(false);
  /** The height of the first steps, which lie over the lower edge of the plot; 0 if they are closed. */
  hint = $state(0);
  narrow = $state(false);
  /** Whether the page is low, as where it is a part of another page. */
  low = $state(false);
  /** The active plot. */
  scatter = $state.raw<Scatter | null>(null);
  private readonly narrowQuery = window.matchMedia('(max-width: 999px)');
  private readonly lowQuery = window.matchMedia('(max-height: 520px)');

  constructor() {
    this.narrow = this.narrowQuery.matches;
    this.narrowQuery.addEventListener('change', (event) => {
      this.narrow = event.matches;
    });
    this.low = this.lowQuery.matches;
    this.lowQuery.addEventListener('change', (event) => {
      this.low = event.matches;
    });
    // the plot first: a panel beside or below it would leave a strip
    if (this.low && this.narrow) this.right = false;
  }

  /** Show a panel. */
  open(tab: Tab): void {
    this.tab = tab;
    if (tab === 'cells') this.left = true;
    else this.right = true;
    if (this.narrow) this.right = true;
  }
}
