/** The parts of the page, between which a key goes: elements with `data-part`, in the order of the page. */

const FOCUSABLE = 'button:not([tabindex="-1"], :disabled), [tabindex="0"], input, a[href]';

function targetOf(part: HTMLElement): HTMLElement | null {
  return part.tabIndex >= 0 ? part : part.querySelector<HTMLElement>(FOCUSABLE);
}

/** Give the active plot the focus; where there is none, take it from the field that has it. */
export function focusPlot(): void {
  const plots = [...document.querySelectorAll<HTMLElement>('[role=application]')];
  const plot = plots.find((one) => one.closest('.active')) ?? plots[0];
  if (plot) plot.focus({ preventScroll: true });
  else (document.activeElement as HTMLElement | null)?.blur();
}

/** Give the first element of the next part the focus; after the last part comes the first. */
export function goToNextPart(): void {
  const at = document.activeElement ?? document.body;
  const targets = [...document.querySelectorAll<HTMLElement>('[data-part]')].flatMap((part) => targetOf(part) ?? []);
  const isAfter = (target: HTMLElement) =>
    (at.compareDocumentPosition(target) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
  (at === document.body ? targets[0] : (targets.find(isAfter) ?? targets[0]))?.focus();
}
