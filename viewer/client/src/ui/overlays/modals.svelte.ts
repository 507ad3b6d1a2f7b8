/** The dialogs that were opened: a menu or a popover that is open then is closed, as it would lie above the dialog. */
import { untrack } from 'svelte';

const modals = $state({ opened: 0 });

/** Count a dialog that opens. Called when a component is made. */
export function countModal(isOpen: () => boolean): void {
  $effect(() => {
    if (isOpen()) untrack(() => modals.opened++);
  });
}

/** Call a function when a dialog opens. Called when a component is made. */
export function onModal(close: () => void): void {
  const before = modals.opened;
  $effect(() => {
    if (modals.opened > before) untrack(close);
  });
}
