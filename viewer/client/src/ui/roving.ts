/** The Tab key stops once at a toolbar; arrows lead from one button of it to another (roving tabindex of WAI-ARIA). */

const ITEMS = 'button:not(:disabled)';

/** Make the buttons of an element one stop of the Tab key, as a Svelte attachment. */
export function roving(toolbar: HTMLElement): () => void {
  let stop: HTMLElement | null = null;
  const items = () => [...toolbar.querySelectorAll<HTMLElement>(ITEMS)];

  /** Let the Tab key stop at the button of the last focus, or at the first one. */
  function settle(): void {
    const all = items();
    if (!stop || !all.includes(stop)) stop = all[0] ?? null;
    for (const item of all) {
      const index = item === stop ? 0 : -1;
      if (item.tabIndex !== index) item.tabIndex = index;
    }
  }

  function onfocusin({ target }: FocusEvent): void {
    const item = (target as Element).closest<HTMLElement>(ITEMS);
    if (!item || item === stop) return;
    stop = item;
    settle();
  }

  function onkeydown(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const all = items();
    const at = all.indexOf(event.target as HTMLElement);
    if (at < 0) return;
    const to = {
      ArrowRight: (at + 1) % all.length,
      ArrowLeft: (at + all.length - 1) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    all[to]?.focus();
  }

  settle();
  const observer = new MutationObserver(settle);
  observer.observe(toolbar, {
    childList: true,
    subtree: true,
    attributes: true,
    attributeFilter: ['disabled', 'tabindex'],
  });
  toolbar.addEventListener('focusin', onfocusin);
  toolbar.addEventListener('keydown', onkeydown);
  return () => {
    observer.disconnect();
    toolbar.removeEventListener('focusin', onfocusin);
    toolbar.removeEventListener('keydown', onkeydown);
  };
}
