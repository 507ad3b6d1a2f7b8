/** What is open on the page: panels, dialogs, the plot to act on. Of no interest to undo. */
import type { Scatter } from '../../canvas/scatter';

export type Tab = 'cells' | 'genes' | 'compare' | 'markers';

export class Page {
  left = $state(true);
  right = $state(true);
  tab = $state<Tab>('cells');
  help = $state(false);
  palette = $state(false);
  saving = $state(false);
  /** The dialog for two fields at once. */
  two = $state(false);
  /** Whether what the plot shows is shown as a table. */
  table = $state(false);
  narrow = $state(false);
  /** The plot the user works in. */
  scatter = $state.raw<Scatter | null>(null);
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
}
