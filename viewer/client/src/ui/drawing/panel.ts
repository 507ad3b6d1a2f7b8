/** Plots as panels of a figure. */

export const LEGEND_PLACES = ['right', 'below', 'none'] as const;
export type LegendPlace = (typeof LEGEND_PLACES)[number];

/** The ends of a colour scale. */
export type Domain = readonly [number, number];

/** How a panel is drawn. Pixels are those of the plot, whose text has 12 of them. */
export interface PanelRequest {
  readonly width: number;
  /** Null: as high as suits the plot. */
  readonly height: number | null;
  readonly legend: LegendPlace;
  /** Whether axes have their labels. */
  readonly axes: boolean;
  /** Pixels of pictures for each pixel of the plot. */
  readonly scale: number;
  /** The ends of the colour scale that panels share; null: those of the panel. */
  readonly domain: Domain | null;
}

/** A plot as it was when it was added to a figure; it can be drawn at any size. */
export interface PanelSource {
  readonly title: string;
  /** The text of its figure legend. */
  readonly text: string;
  draw(request: PanelRequest): Promise<SVGSVGElement>;
  /** Whether there is one drawing of it, which is made larger or smaller. */
  readonly isFixed?: boolean;
  /** The ends of its colour scale, if it is coloured by a gene. */
  readonly domain?: Domain | null;
}

/** Takes panels for the figure that the user puts together. */
export interface PanelTaker {
  open: boolean;
  /** Whether there is no room for another panel. */
  readonly isFull: boolean;
  add(source: PanelSource): void;
  /** Draw a part of the page for paper, and add it. */
  capture(title: string, text: string, draw: () => Promise<SVGSVGElement | null>): Promise<void>;
}
