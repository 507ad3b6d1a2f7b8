/** Velocities above the cells, averaged on a grid: arrows as long as the velocity. */
import { quantile } from 'd3-array';
import { oriented, turnOf } from '../state/view/tissue';
import type { Pane } from '../state/viewer/pane.svelte';
import { isTissue } from '../state/viewer/place';
import type { Viewer } from '../state/viewer/viewer.svelte';
import { pageColor } from '../ui/drawing/figure';
import { element } from './drawing';
import type { Drawing } from './overlay';

/** The length of the 95th percentile of velocities, in distances of the grid. */
const LENGTH = 1.1;
/** The head of an arrow: pixels at most, a share of its length, and a share of that to each side. */
const HEAD = 6;
const HEAD_SHARE = 0.45;
const SIDE = 0.5;
/** Shorter arrows would be dots. */
const SHORTEST = 1.5;

export async function prepare(viewer: Viewer, { place }: Pane): Promise<Drawing | null> {
  const { velocity: points } = viewer.view.overlays;
  const { velocity } = await viewer.stored.load();
  if (points === null || !place || !velocity.includes(place.name)) return null;
  const grid = await viewer.stored.velocity(place.name, points);
  const speeds = grid.dx.map((dx, k) => Math.hypot(dx, grid.dy[k] as number));
  const usual = quantile(speeds, 0.95) ?? 0;
  if (!(usual > 0)) return null;
  const turn = turnOf(place.orientation ?? { turns: 0, flipped: false });
  // In a tissue, y is downwards.
  const up = isTissue(viewer.schema, place.name) ? -1 : 1;
  const arrows = grid.x.map((x, k) => ({
    at: oriented(turn, x, up * (grid.y[k] as number)),
    by: oriented(turn, grid.dx[k] as number, up * (grid.dy[k] as number)),
  }));
  const length = (LENGTH * grid.spacing) / usual;
  return ({ project, scale }) => {
    const shafts: string[] = [];
    const heads: string[] = [];
    for (const { at, by } of arrows) {
      const [x, y] = project(...at);
      const [dx, dy] = [by[0] * length * scale, -by[1] * length * scale];
      const long = Math.hypot(dx, dy);
      if (long < SHORTEST) continue;
      const [tipX, tipY] = [x + dx, y + dy];
      const head = Math.min(HEAD, HEAD_SHARE * long) / long;
      const [backX, backY] = [tipX - head * dx, tipY - head * dy];
      const [sideX, sideY] = [-SIDE * head * dy, SIDE * head * dx];
      shafts.push(`M${short(x)} ${short(y)}L${short(backX)} ${short(backY)}`);
      heads.push(
        `M${short(tipX)} ${short(tipY)}L${short(backX + sideX)} ${short(backY + sideY)}L${short(backX - sideX)} ${short(backY - sideY)}Z`,
      );
    }
    const [dark, light] = [pageColor('--text'), pageColor('--canvas')];
    const shaft = { d: shafts.join(''), fill: 'none', 'stroke-linecap': 'round' };
    const head = { d: heads.join(''), 'stroke-linejoin': 'round' };
    return [
      element('path', { ...shaft, stroke: light, 'stroke-width': 3, opacity: 0.6 }),
      element('path', { ...head, fill: light, stroke: light, 'stroke-width': 2, opacity: 0.6 }),
      element('path', { ...shaft, stroke: dark, 'stroke-width': 1.1 }),
      element('path', { ...head, fill: dark, stroke: 'none' }),
    ];
  };
}

/** A coordinate with the digits that are seen. */
function short(value: number): string {
  return value.toFixed(1);
}
