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
  narrow = $state(false);
  /** The active plot. */
  scatter = $state.raw<Scatter | null>(null);
  private readonly query = window.matchMedia('(max-width: 999px)');

  constructor() {
    this.narrow = this.query.matches;
    this.query.addEventListener('change', (event) => {
      this.narrow = event.matches;
    });
  }

  /** Show a panel. */
  open(tab: Tab): void {
    this.tab = tab;
    if (tab === 'cells') this.left = true;
    else this.right = true;
    if (this.narrow) this.right = true;
  }
}
