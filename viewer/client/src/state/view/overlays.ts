/** The overlays of results that the file has. */

export interface Overlays {
  /** The least weight of an edge of PAGA; null: off. */
  readonly paga: number | null;
  /** The points of the grid of velocities on each axis; null: off. */
  readonly velocity: number | null;
}

export const NO_OVERLAYS: Overlays = { paga: null, velocity: null };
export const PAGA_THRESHOLD = 0.05;
export const VELOCITY_POINTS = { least: 10, usual: 35, most: 60 };

/** Return the overlays that are on, for links; null if none is. */
export function savedOverlays({ paga, velocity }: Overlays): Partial<Overlays> | null {
  if (paga === null && velocity === null) return null;
  return { ...(paga === null ? {} : { paga }), ...(velocity === null ? {} : { velocity }) };
}

/** Read the overlays of a link; what is invalid is off. */
export function readOverlays({ paga, velocity }: Record<string, unknown>): Overlays {
  const { least, most } = VELOCITY_POINTS;
  const isPoints = typeof velocity === 'number' && Number.isInteger(velocity) && velocity >= least && velocity <= most;
  return {
    paga: typeof paga === 'number' && paga >= 0 && paga <= 1 ? paga : null,
    velocity: isPoints ? velocity : null,
  };
}
