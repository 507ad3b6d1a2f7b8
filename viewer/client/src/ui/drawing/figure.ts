/** A plot of the page as a file: SVG with its text as text, or PNG. `asPdf` makes a PDF of it. */

const COPIED = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linejoin',
  'opacity',
  'font-size',
  'font-weight',
  'font-style',
  'text-anchor',
  'dominant-baseline',
];
/** The page's own font is the system's, which other programs do not know by its name. */
export const FONTS = {
  Helvetica: 'Helvetica, Arial, sans-serif',
  Arial: 'Arial, Helvetica, sans-serif',
  Times: "'Times New Roman', Times, serif",
} as const;
export type FontName = keyof typeof FONTS;
const SVG = 'http://www.w3.org/2000/svg';

/**
 * The drawing of a figure: its SVG with every colour and size written out, above what its canvas shows. What follows the
 * pointer (data-passing) is left out.
 */
export function drawing(figure: HTMLElement, transparent = false): SVGSVGElement {
  const shown = figure.querySelector('svg');
  if (!shown) throw new Error('There is nothing to save yet.');
  const copy = shown.cloneNode(true) as SVGSVGElement;
  // Of a drawing that is shown larger than it is, its own size.
  const { width, height } = shown.hasAttribute('viewBox') ? shown.viewBox.baseVal : shown.getBoundingClientRect();
  writeOut(shown, copy);
  for (const passing of copy.querySelectorAll('[data-passing]')) passing.remove();
  const canvas = figure.querySelector('canvas');
  if (canvas) copy.prepend(imageOf(canvas.toDataURL('image/png'), width, height));
  return framed(copy, width, height, transparent);
}

/** A picture within an SVG. */
export function imageOf(address: string, width: number, height: number): SVGImageElement {
  const image = document.createElementNS(SVG, 'image');
  image.setAttribute('href', address);
  image.setAttribute('width', String(width));
  image.setAttribute('height', String(height));
  return image;
}

/** An SVG of its own, with its size and, unless it is to be transparent, the page's ground. */
export function framed(svg: SVGSVGElement, width: number, height: number, transparent: boolean): SVGSVGElement {
  svg.setAttribute('xmlns', SVG);
  svg.setAttribute('width', String(width));
  svg.setAttribute('height', String(height));
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('font-family', FONTS.Helvetica);
  if (transparent) return svg;
  const ground = document.createElementNS(SVG, 'rect');
  ground.setAttribute('width', '100%');
  ground.setAttribute('height', '100%');
  ground.setAttribute('fill', pageColor('--canvas'));
  svg.prepend(ground);
  return svg;
}

/** A colour of the page's style sheet, or of the paper of a figure that is edited. */
export function pageColor(name: string): string {
  const ground = document.querySelector('.paper') ?? document.documentElement;
  return getComputedStyle(ground).getPropertyValue(name).trim();
}

/** What style sheets say, as attributes of the copy. */
function writeOut(shown: Element, copy: Element): void {
  const style = getComputedStyle(shown);
  for (const name of COPIED) {
    const value = style.getPropertyValue(name);
    if (value && value !== 'none 0px') copy.setAttribute(name, value);
  }
  for (const name of ['data-tip', 'data-group', 'data-part', 'data-cut', 'role', 'tabindex', 'aria-label'])
    copy.removeAttribute(name);
  copy.removeAttribute('class');
  copy.removeAttribute('style');
  for (let k = 0; k < shown.children.length; k++) writeOut(shown.children[k] as Element, copy.children[k] as Element);
}

/** The size of a figure in its own pixels. */
export function sizeOf(drawn: SVGSVGElement): { readonly width: number; readonly height: number } {
  return { width: Number(drawn.getAttribute('width')), height: Number(drawn.getAttribute('height')) };
}

/** Return a figure as an SVG file, of some millimetres' width on paper if they are given. */
export function asSvg(drawn: SVGSVGElement, mm: number | null = null): Blob {
  const copy = drawn.cloneNode(true) as SVGSVGElement;
  if (mm !== null) {
    const { width, height } = sizeOf(drawn);
    copy.setAttribute('width', `${mm}mm`);
    copy.setAttribute('height', `${(mm * height) / width}mm`);
  }
  return new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' });
}

export async function asPng(drawn: SVGSVGElement, scale: number): Promise<Blob> {
  const address = URL.createObjectURL(asSvg(drawn));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement('canvas');
    // Not the image's own size, which is rounded to whole pixels.
    const { width, height } = sizeOf(drawn);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture is too large.'))), 'image/png');
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}
