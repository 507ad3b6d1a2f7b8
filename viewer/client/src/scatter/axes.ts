/** The room that the axes of a plot take, in pixels. */

/** Between the lines of the axes and the lowest values. */
export const GAP = 12;
/** From the border to the axis: left for its numbers and title, above for the tools, below for the bar as well. */
export const ROOM = { left: 72, above: 52, below: 96 };

/** What the axes cover of a plot: the cells are fitted into the rest. */
export const BESIDE_AXES = { above: ROOM.above, below: ROOM.below + GAP, left: ROOM.left + GAP };

/** Return where the axes cross: at the lowest values, or at the border of the plot when those are out of sight. */
export function axesAt(
  [x, y]: readonly [number, number],
  width: number,
  height: number,
): { readonly left: number; readonly bottom: number } {
  return {
    left: Math.min(Math.max(x - GAP, ROOM.left), width - 20),
    bottom: Math.min(Math.max(y + GAP, 60), height - ROOM.below),
  };
}
