/** The plot of cells as a panel of a figure: its cells are drawn anew at the size of the panel. */

import { sleep } from '../api/sleep';
import type { Scatter } from '../canvas/scatter';
import { stepwise } from '../canvas/steps';
import { createScatter } from '../canvas/webgl/renderer';
import { quantiseSteps } from '../color/codes';
import { neutrals } from '../color/lut';
import { hexToRgb } from '../color/oklab';
import type { Coloring } from '../state/fields/coloring';
import { preferences } from '../state/page/preferences.svelte';
import { isFiltered } from '../state/view/view';
import type { Pane } from '../state/viewer/pane.svelte';
import { isTissue, slideOf } from '../state/viewer/place';
import type { Viewer } from '../state/viewer/viewer.svelte';
import type { Domain, PanelRequest, PanelSource } from '../ui/drawing/panel';
import { embeddingName } from '../ui/format';
import { lookOf } from './looks';
import { drawingsOf } from './overlays';
import { legended, legendOf, nameAnchors, namesAt } from './plotFigure';
import { addressOf, arranged, scatterFigure, underHeight } from './scatterFigure';

/** The limits of the height of a panel in widths of its plot. */
const FLATTEST = 0.6;
const TALLEST = 1;
const LEAST_HEIGHT = 60;

/** Browsers limit the number of WebGL contexts: one panel is drawn after the other. */
let last: Promise<unknown> = Promise.resolve();

function pressed<T>(width: number, height: number, use: (plot: Scatter) => Promise<T>): Promise<T> {
  const draw = async () => {
    const canvas = document.createElement('canvas');
    canvas.ariaHidden = 'true';
    canvas.style.cssText = `position: fixed; top: 0; left: -20000px; width: ${width}px; height: ${height}px`;
    document.body.append(canvas);
    const plot = createScatter(canvas, { onDemand: true });
    try {
      await sleep(0, null);
      return await use(plot);
    } finally {
      plot.dispose();
      canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext();
      canvas.remove();
    }
  };
  const mine = last.then(draw, draw);
  last = mine;
  return mine;
}

/** Return the colouring with other ends of its scale. */
async function rescaled(coloring: Coloring, domain: Domain | null): Promise<Coloring> {
  if (coloring.kind !== 'value' || !domain || coloring.isLog) return coloring;
  const { codes } = await stepwise(quantiseSteps(coloring.values, { domain, zero: coloring.zero }));
  return { ...coloring, codes, domain };
}

/** Return a plot as it is now. */
export function scatterPanel(viewer: Viewer, pane: Pane, text: string): PanelSource {
  const { place, scatter: shown } = pane;
  if (!place || !shown) throw new Error('There is no plot to draw yet.');
  const { mask } = viewer.selection;
  const selecting = isFiltered(viewer.view);
  const { pointSize, opacity } = preferences.choices;
  const { tissue } = viewer.view;
  const legend = legended(viewer, pane);
  const { coloring } = legend;
  const names = nameAnchors(viewer, pane);
  const axis = embeddingName(place.name);
  const axes: readonly [string, string] = place.axes
    ? [place.axes.x.title, place.axes.y.title]
    : [`${axis} 1`, `${axis} 2`];
  // A view that shows all cells does so at any size.
  const camera = pane.camera ? { ...shown.view, size: shown.size } : null;
  const image = tissue.image ? pane.readTissue(place).catch(() => null) : null;
  const spots = tissue.trueSize ? (slideOf(viewer.schema, place.name)?.spot_diameter ?? null) : null;
  const overlays = drawingsOf(viewer, pane).catch(() => []);
  // In a tissue, directions are those of the image; the scale bar takes their corner.
  const hasAxes = !isTissue(viewer.schema, place.name);
  const aspect = Math.min(TALLEST, Math.max(FLATTEST, shown.size.height / Math.max(1, shown.size.width)));

  async function draw(request: PanelRequest): Promise<SVGSVGElement> {
    const colored = await rescaled(coloring, request.domain);
    const drawnLegend = request.legend === 'none' ? null : legendOf({ ...legend, coloring: colored });
    const fitted = arranged({ width: 1000, height: 1000 * aspect }, drawnLegend, request.width);
    const below = request.legend === 'below' || fitted.below;
    const width = Math.round(below ? request.width : 1000 * fitted.ratio);
    const forLegend = drawnLegend && below ? underHeight(drawnLegend, width) : 0;
    const height = Math.round(
      Math.max(LEAST_HEIGHT, request.height === null ? width * aspect : request.height - forLegend),
    );
    return pressed(width, height, async (plot) => {
      plot.setBackground(hexToRgb(neutrals(preferences.theme).background));
      plot.setPositions(place?.x as Float32Array, place?.y as Float32Array, { depth: place?.depth ?? null });
      const look = lookOf(colored, preferences.theme, preferences.choices, selecting);
      plot.setCodes(look.codes);
      plot.setOrder(look.order);
      plot.setLut(look.lut);
      plot.setMask(mask);
      plot.setPointSize(pointSize);
      plot.setOpacity(opacity);
      plot.setImage((await image) ?? null);
      plot.setImageStyle({ opacity: tissue.opacity, brightness: tissue.brightness });
      plot.setSpotDiameter(spots);
      if (camera) {
        const scale = camera.scale * Math.min(width / camera.size.width, height / camera.size.height);
        plot.setView({ x: camera.x, y: camera.y, scale });
      } else plot.fit();
      await plot.prepare();
      const anchors = await names;
      const points = await addressOf(await plot.toPNG({ scale: request.scale, background: null }));
      const project = (x: number, y: number) => plot.project(x, y);
      const frame = { project, scale: plot.view.scale, width, height, covered: 0 };
      return scatterFigure({
        ...{ points, width, height, below },
        overlays: (await overlays).flatMap((drawing) => drawing(frame)),
        names: namesAt(anchors, plot),
        legend: drawnLegend,
        axes: request.axes && hasAxes ? axes : null,
        transparent: true,
      });
    });
  }

  const isOfGene = coloring.kind === 'value' && coloring.key.startsWith('gene:') && !coloring.isLog;
  return { title: coloring.title, text, draw, domain: isOfGene ? coloring.domain : null };
}
