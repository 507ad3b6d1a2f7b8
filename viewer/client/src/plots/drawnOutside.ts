/** Components of plots, drawn outside the window at any size. */
import { flushSync, unmount } from 'svelte';
import { arrangedDrawing } from '../ui/drawing/arrangedDrawing';
import type { PanelRequest } from '../ui/drawing/panel';

/** Mount a component in an element of some size, and return its drawing. */
export async function drawnOutside(
  mounted: (target: HTMLElement) => Record<string, unknown>,
  { width, legend, axes }: PanelRequest,
  height: number,
): Promise<SVGSVGElement> {
  const host = document.createElement('div');
  host.className = 'paper';
  host.dataset.figure = '';
  host.inert = true;
  host.style.cssText = `position: fixed; top: 0; left: -20000px; display: flex; width: ${width}px; height: ${height}px`;
  document.body.append(host);
  const made = mounted(host);
  try {
    flushSync();
    // Canvases are drawn in the frame after that in which they get their size.
    for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
    return arrangedDrawing(host, { legend, axes, width });
  } finally {
    await unmount(made);
    host.remove();
  }
}
