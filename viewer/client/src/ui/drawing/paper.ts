/** Sizes of figures on paper. */

/** The widths of columns of journals in millimetres. */
export const WIDTHS = [85, 114, 174] as const;
export const RESOLUTIONS = [300, 600] as const;
const MM_PER_INCH = 25.4;
const POINTS_PER_INCH = 72;
/** The size of most text of a figure in its own pixels. */
const TEXT = 12;

/** Return how many pixels of an image there are for each pixel of a figure that is `width` pixels wide. */
export function paperScale(width: number, mm: number, dpi: number): number {
  return ((mm / MM_PER_INCH) * dpi) / width;
}

/** The size of text that journals ask for, in points. */
const WANTED = 7;

/** Return how wide a figure has to be in its own pixels, for its text to be as high as journals ask for. */
export function readableWidth(mm: number): number {
  return (TEXT / WANTED) * (mm / MM_PER_INCH) * POINTS_PER_INCH;
}

/** Return the size of the text in points, of a figure that is `width` pixels wide and printed on some millimetres. */
export function pointsOfText(width: number, mm: number): number {
  return (TEXT / width) * (mm / MM_PER_INCH) * POINTS_PER_INCH;
}
