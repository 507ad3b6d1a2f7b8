/** Meaning of a byte of the plot's mask, and of a code's level. A crossfilter's pass mask (0 or 1) is a mask as it is. */
export const FADED = 0;
export const NORMAL = 1;
export const HIGHLIGHTED = 2;
