/** The overlays of the plot: to add one is to add a file and a row here. */
import { keyOf } from '../state/view/fieldRef';
import type { Pane } from '../state/viewer/pane.svelte';
import { slideOf } from '../state/viewer/place';
import type { Viewer } from '../state/viewer/viewer.svelte';
import type { Drawing, Overlay } from './overlay';

export const OVERLAYS: readonly Overlay[] = [
  {
    name: 'scale bar',
    state: ({ schema }, { place }) => (place && slideOf(schema, place.name)?.microns) || null,
    load: () => import('./scaleBar'),
  },
  {
    name: 'thresholds',
    state: ({ view: { axes }, thresholds, pane: active }, pane) =>
      axes && pane === active && thresholds?.keys[0] === keyOf(axes.x) && thresholds.keys[1] === keyOf(axes.y)
        ? thresholds
        : null,
    load: () => import('./thresholdLines'),
  },
  {
    name: 'velocity',
    state: ({ view }, { place }) => (place && !place.axes && !place.solid ? view.overlays.velocity : null),
    load: () => import('./velocity'),
  },
  {
    name: 'PAGA',
    state: ({ view }, { place }) => (place && !place.axes ? view.overlays.paga : null),
    load: () => import('./paga'),
  },
];

/** Return the drawings of all overlays that are on, for a figure. */
export async function drawingsOf(viewer: Viewer, pane: Pane): Promise<Drawing[]> {
  const on = OVERLAYS.filter(({ state }) => state(viewer, pane) !== null);
  const made = await Promise.all(on.map(async ({ load }) => (await load()).prepare(viewer, pane)));
  return made.filter((drawing) => drawing !== null);
}
