/** From the draft of a figure to its drawing. */
import type { FigureDraft, FigureLayout, FigurePanel } from '../../state/page/figure.svelte';
import {
  composed,
  type DrawnPanel,
  GAP,
  headOf,
  POINTS_PER_MM,
  placed,
  TEXT_PIXELS,
  viewOf,
  widthOf,
} from '../../ui/drawing/composed';
import type { Domain, PanelRequest, PanelSource } from '../../ui/drawing/panel';

const POINTS_PER_INCH = 72;
/** Drawings that are kept of each panel. */
const KEPT = 4;

export interface Figure {
  readonly drawn: SVGSVGElement;
  /** The size of the text of each panel in points, by the number of the panel. */
  readonly points: ReadonlyMap<number, number>;
  /** Millimetres. */
  readonly height: number;
}

/** The colour scale that panels share: from the lowest to the highest end. */
export function sharedDomain(domains: readonly (Domain | null | undefined)[]): Domain | null {
  const known = domains.filter((one): one is Domain => Boolean(one) && !Number.isNaN(one?.[0]));
  if (known.length < 2) return null;
  return [Math.min(...known.map(([low]) => low)), Math.max(...known.map(([, high]) => high))];
}

/** Draws figures, and keeps the drawings of panels that do not change. */
export class FigureDrawer {
  private readonly kept = new WeakMap<PanelSource, Map<string, Promise<SVGSVGElement>>>();

  async draw(draft: FigureDraft): Promise<Figure> {
    const { panels, layout } = draft;
    const { drawn, place, width } = await this.arranged(draft);
    const points = new Map(panels.map(({ id }, k) => [id, (place.places[k]?.scale ?? 0) * TEXT_PIXELS]));
    const figure = composed(drawn, place, width, layout, layout.transparent);
    return { drawn: figure, points, height: place.height / POINTS_PER_MM };
  }

  /** Draw the panels, and find their places. */
  private async arranged({ panels, layout }: FigureDraft) {
    const width = layout.width * POINTS_PER_MM;
    const domain = layout.shared ? sharedDomain(panels.map(({ source }) => source.domain)) : null;
    let drawn = await this.panels(
      panels,
      layout,
      width,
      domain,
      panels.map(({ height }) => pointsOf(height)),
    );
    let place = this.placed(drawn, layout, width);
    if (layout.height !== null && panels.length > 0) {
      // The heights of the rows are shared out as they would be of their own accord.
      const share = (layout.height * POINTS_PER_MM) / place.height;
      const heights = place.places.map(({ y }, k) => {
        const next = place.places.slice(k).find((other) => other.y > y);
        return ((next ? next.y : place.height + GAP) - y - GAP) * share;
      });
      drawn = await this.panels(panels, layout, width, domain, heights);
      place = { ...this.placed(drawn, layout, width), height: layout.height * POINTS_PER_MM };
    }
    return { drawn, place, width };
  }

  /** Return the drawings of the panels of a figure. */
  async drawings(draft: FigureDraft): Promise<readonly SVGSVGElement[]> {
    return (await this.arranged(draft)).drawn.map(({ drawn }) => drawn);
  }

  private async panels(
    panels: readonly FigurePanel[],
    layout: FigureLayout,
    width: number,
    domain: Domain | null,
    heights: readonly (number | null)[],
  ): Promise<DrawnPanel[]> {
    const made: DrawnPanel[] = [];
    const pixel = layout.points / TEXT_PIXELS;
    for (const [k, { source, title, span, legend }] of panels.entries()) {
      const height = heights[k] ?? null;
      const request: PanelRequest = {
        width: widthOf(span, layout.columns, width) / pixel,
        height: height === null ? null : Math.max(1, height - headOf(layout)) / pixel,
        ...{ legend, axes: layout.axes },
        scale: (layout.dpi / POINTS_PER_INCH) * pixel,
        domain: source.domain ? domain : null,
      };
      made.push({ drawn: await this.panel(source, request), title, span, height });
    }
    return made;
  }

  private panel(source: PanelSource, request: PanelRequest): Promise<SVGSVGElement> {
    const key = JSON.stringify(request);
    const drawings = this.kept.get(source) ?? new Map<string, Promise<SVGSVGElement>>();
    this.kept.set(source, drawings);
    const found = drawings.get(key) ?? source.draw(request);
    drawings.delete(key);
    drawings.set(key, found);
    found.catch(() => drawings.delete(key));
    for (const old of drawings.keys()) if (drawings.size > KEPT) drawings.delete(old);
    return found;
  }

  private placed(drawn: readonly DrawnPanel[], layout: FigureLayout, width: number) {
    const sized = drawn.map((panel) => ({ ...panel, size: viewOf(panel.drawn) }));
    return placed(sized, layout.columns, width, layout);
  }
}

function pointsOf(mm: number | null): number | null {
  return mm === null ? null : mm * POINTS_PER_MM;
}

/** What draws the figure of the page: the editor, and what keeps it for a reload. */
export const drawer = new FigureDrawer();
