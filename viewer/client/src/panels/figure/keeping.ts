/** Drawings of the panels of a figure to and from what the browser keeps. */
import { sleep } from '../../api/sleep';
import type { FigureDraft, FigureEditing } from '../../state/page/figure.svelte';
import { keepFigure, keptOf, keyOfFigure, readFigure } from '../../state/page/figureStore';
import { drawer } from './drawFigure';

const written = new WeakMap<SVGSVGElement, string>();

/** Return a drawing as text. */
function textOf(drawn: SVGSVGElement): string {
  const text = written.get(drawn) ?? new XMLSerializer().serializeToString(drawn);
  written.set(drawn, text);
  return text;
}

function drawingOf(svg: string): SVGSVGElement {
  return new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement as unknown as SVGSVGElement;
}

/** Keep a figure as it is drawn now. Browsers that keep nothing, as in a private window, keep it until a reload. */
export async function keep(figure: FigureEditing, draft: FigureDraft, fingerprint: string): Promise<void> {
  try {
    const texts: string[] = [];
    for (const drawn of await drawer.drawings(draft)) {
      texts.push(textOf(drawn));
      await sleep(0, null);
    }
    if (figure.draft !== draft) return;
    const kept = keptOf(draft, texts, Date.now());
    await keepFigure(keyOfFigure(fingerprint), kept);
    figure.nNotKept = draft.panels.length - kept.panels.length;
  } catch {
    figure.nNotKept = draft.panels.length;
  }
}

/** Put the panels that were kept before the others. */
export async function restore(figure: FigureEditing, fingerprint: string): Promise<void> {
  try {
    const kept = await readFigure(keyOfFigure(fingerprint));
    if (!kept) return;
    const panels = kept.panels.map(({ plot, svg, ...panel }) => {
      const drawn = drawingOf(svg);
      return { ...panel, source: { ...plot, isFixed: true, draw: async () => drawn } };
    });
    figure.restore(kept.layout, panels);
  } catch {
    // There is nothing to restore where the browser keeps nothing.
  }
}
