/** The pictures of a gallery as one figure: titles, counts and one legend as vectors. */
import { framed, imageOf, pageColor } from '../ui/drawing/figure';
import { fitted } from '../ui/drawing/text';
import { element, text } from './drawing';
import { drawnBeside, type FigureLegend } from './scatterFigure';

export interface GalleryPicture {
  readonly title: string;
  readonly detail: string;
  /** The address of the picture. */
  readonly points: string;
  /** What is drawn above it. */
  readonly overlays?: readonly SVGElement[];
}

const GAP = 14;
const HEAD = 20;

/** Return a grid of pictures of one size, with a legend beside them. */
export function galleryFigure(
  pictures: readonly GalleryPicture[],
  { width, height }: { readonly width: number; readonly height: number },
  legend: FigureLegend | null,
  transparent: boolean,
): SVGSVGElement {
  const svg = element('svg', {}) as SVGSVGElement;
  const columns = Math.min(6, Math.ceil(Math.sqrt(pictures.length * 1.4)));
  const rows = Math.ceil(pictures.length / columns);
  pictures.forEach(({ title, detail, points, overlays = [] }, k) => {
    const [x, y] = [GAP + (k % columns) * (width + GAP), GAP + Math.floor(k / columns) * (height + HEAD + GAP)];
    const group = element('g', { transform: `translate(${x} ${y + HEAD})` });
    group.append(imageOf(points, width, height), ...overlays);
    const soft = { fill: pageColor('--text-soft'), 'font-size': 11 };
    svg.append(
      group,
      text(fitted(title, width - 60, 12, 600), x, y + 12, {
        fill: pageColor('--text'),
        'font-size': 12,
        'font-weight': 600,
      }),
      text(detail, x + width, y + 12, { ...soft, 'text-anchor': 'end' }),
    );
  });
  const [wide, high] = [GAP + columns * (width + GAP), GAP + rows * (height + HEAD + GAP)];
  if (!legend) return framed(svg, wide, high, transparent);
  const drawn = drawnBeside(legend, high);
  const group = element('g', { transform: `translate(${wide} ${GAP + 8})` });
  group.append(...drawn.elements);
  svg.append(group);
  return framed(svg, wide + drawn.width + GAP, Math.max(high, drawn.height + 2 * GAP), transparent);
}
