/** Text that is typed or pasted while a field is being opened by a key belongs to that field. */

/** Milliseconds that a field may take: after them, keys have their usual meaning. */
const PATIENCE = 3000;
let stop = () => {};

/** Keep the text typed from now on for the field of an id, until it has the focus. Escape and the pointer end it. */
export function typeAhead(id: string): void {
  stop();
  let text = '';
  /** The pasted texts, as fields may take apart a list. */
  let pasted = '';

  function onkeydown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') {
      stop();
      return;
    }
    if (event.key === 'Backspace') text = text.slice(0, -1);
    else if (event.key.length === 1) text += event.key;
    // The button that has the focus until then is not pressed.
    else if (event.key !== 'Enter') return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function onpaste(event: ClipboardEvent): void {
    pasted = event.clipboardData?.getData('text/plain') ?? '';
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function onfocusin({ target }: FocusEvent): void {
    if (!(target instanceof HTMLInputElement) || target.id !== id) return;
    const field = target;
    stop();
    if (pasted) {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', pasted);
      const event = new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData });
      if (field.dispatchEvent(event)) text += pasted;
    }
    if (!text) return;
    field.setRangeText(text, field.selectionStart ?? 0, field.selectionEnd ?? 0, 'end');
    field.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText', data: text }));
  }

  const stopped = () => stop();
  window.addEventListener('keydown', onkeydown, true);
  window.addEventListener('paste', onpaste, true);
  window.addEventListener('focusin', onfocusin);
  window.addEventListener('pointerdown', stopped, true);
  const timer = setTimeout(stopped, PATIENCE);
  stop = () => {
    clearTimeout(timer);
    window.removeEventListener('keydown', onkeydown, true);
    window.removeEventListener('paste', onpaste, true);
    window.removeEventListener('focusin', onfocusin);
    window.removeEventListener('pointerdown', stopped, true);
    stop = () => {};
  };
}
