/** The thresholds of two genes as lines across their plot. */

import type { Pane } from '../state/viewer/pane.svelte';
import type { Axis } from '../state/viewer/place';
import type { Viewer } from '../state/viewer/viewer.svelte';
import { pageColor } from '../ui/drawing/figure';
import { number } from '../ui/format';
import { element, text } from './drawing';
import type { Drawing, Frame } from './overlay';

/** Return the lines of the thresholds that are within the values. */
export function thresholdLines(axes: { readonly x: Axis; readonly y: Axis }, at: readonly [number, number]): Drawing {
  return ({ project }: Frame) => {
    const color = pageColor('--accent');
    const style = { stroke: color, 'stroke-width': 1.5, 'stroke-dasharray': '5 4', fill: 'none' };
    const halo = {
      stroke: pageColor('--canvas'),
      'stroke-width': 3,
      'paint-order': 'stroke',
      fill: color,
      'font-size': 11,
    };
    const made: SVGElement[] = [];
    for (const [k, axis] of [axes.x, axes.y].entries()) {
      const share = shareOf(axis, at[k] as number);
      if (share === null) continue;
      const [from, to] = k === 0 ? [project(share, 0), project(share, 1)] : [project(0, share), project(1, share)];
      const label = number(at[k]);
      made.push(
        element('line', { x1: from[0], y1: from[1], x2: to[0], y2: to[1], ...style }),
        k === 0
          ? text(label, to[0], to[1] - 4, { ...halo, 'text-anchor': 'middle' })
          : text(label, to[0] + 4, to[1] + 4, halo),
      );
    }
    return made;
  };
}

/** Return the place of a value on an axis from 0 to 1; null if it is beyond. */
export function shareOf({ ends: [low, high] }: Axis, value: number): number | null {
  const share = (value - low) / (high - low);
  return share >= 0 && share <= 1 ? share : null;
}

export function prepare({ thresholds }: Viewer, { place }: Pane): Promise<Drawing | null> {
  return Promise.resolve(thresholds && place?.axes ? thresholdLines(place.axes, thresholds.at) : null);
}
