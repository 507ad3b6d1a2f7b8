/** Text in drawings: how wide it is, and how much of it fits. */

let canvas: HTMLCanvasElement | undefined;

/** Pixels a text takes in the page's font. */
export function textWidth(text: string, size = 12, weight = 400): number {
  canvas ??= document.createElement('canvas');
  const context = canvas.getContext('2d');
  if (!context) return 0.56 * size * text.length;
  context.font = `${weight} ${size}px system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif`;
  return context.measureText(text).width;
}

/** As much of a text as fits, with an ellipsis where it is cut. */
export function fitted(text: string, width: number, size = 12, weight = 400): string {
  if (textWidth(text, size, weight) <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (textWidth(`${text.slice(0, middle)}…`, size, weight) <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}
