/**
 * A figure as a PDF: its text stays text in the standard fonts, its lines stay lines, and only its pictures are pictures.
 *
 * It is written here, not by a library: jsPDF with svg2pdf.js takes 157 KB compressed, knows the characters of WinAnsi
 * alone, and compresses pictures while the page waits. What the plots draw is a small part of SVG.
 */
import { sizeOf } from '../figure';
import { bytesOf, deflated, PdfFile, unicode, written } from './file';
import type { StandardFont } from './metrics';
import { addCanvas, canvasOf, pictureOf } from './pictures';
import { applied, circlePath, matricesOf, type Paint, paintOf, polygonPath, svgPath } from './shapes';
import { runs, standardFont } from './text';

const POINTS_PER_MM = 72 / 25.4;
/** Of a figure without a size on paper: style sheets have 96 pixels an inch. */
const POINTS_PER_PIXEL = 72 / 96;

/** The style that an element inherits. */
interface Style {
  readonly fill: string;
  readonly fillOpacity: number;
  readonly stroke: string;
  readonly strokeWidth: number;
  readonly dash: string;
  readonly join: string;
  readonly opacity: number;
  readonly size: number;
  readonly family: string;
  readonly weight: string;
  readonly anchor: string;
  readonly baseline: string;
}

const INITIAL: Style = {
  fill: 'black',
  fillOpacity: 1,
  stroke: 'none',
  strokeWidth: 1,
  dash: 'none',
  join: 'miter',
  opacity: 1,
  size: 12,
  family: 'Helvetica',
  weight: '400',
  anchor: 'start',
  baseline: 'auto',
};

/** Return a figure as a PDF of one page, of some millimetres' width if they are given. */
export async function asPdf(drawn: SVGSVGElement, mm: number | null, title: string): Promise<Blob> {
  const { width, height } = sizeOf(drawn);
  const scale = mm === null ? POINTS_PER_PIXEL : (mm * POINTS_PER_MM) / width;
  const page = new Page();
  // Pixels are counted from the top, points of a PDF from the bottom.
  page.put(applied([scale, 0, 0, -scale, 0, height * scale]));
  await page.draw(drawn, INITIAL);
  return page.finish(width * scale, height * scale, title);
}

class Page {
  private readonly file = new PdfFile();
  private readonly steps: string[] = [];
  private readonly fonts = new Map<StandardFont, string>();
  private readonly opacities = new Map<string, string>();
  private readonly pictures: string[] = [];

  put(step: string): void {
    this.steps.push(step);
  }

  async draw(element: Element, before: Style): Promise<void> {
    const name = element.localName;
    if (name === 'title' || name === 'desc' || name === 'defs' || name === 'style') return;
    const style = styleOf(element, before);
    if (element.getAttribute('display') === 'none' || style.opacity === 0) return;
    const maps = matricesOf(element.getAttribute('transform') ?? '');
    if (maps.length > 0) this.put('q');
    for (const map of maps) this.put(applied(map));
    if (name === 'svg' || name === 'g' || name === 'a') {
      for (const child of element.children) await this.draw(child, style);
    } else if (name === 'image') await this.image(element);
    else if (name === 'text') await this.text(element, style);
    else this.shape(element, style);
    if (maps.length > 0) this.put('Q');
  }

  /** The path of a shape; empty for an element that is none. */
  private shape(element: Element, style: Style): void {
    const of = (attribute: string) => lengthOf(element, attribute);
    const paths: Readonly<Record<string, () => string>> = {
      rect: () => `${[of('x'), of('y'), of('width'), of('height')].map(written).join(' ')} re`,
      circle: () => circlePath(of('cx'), of('cy'), of('r')),
      line: () => `${written(of('x1'))} ${written(of('y1'))} m ${written(of('x2'))} ${written(of('y2'))} l`,
      path: () => svgPath(element.getAttribute('d') ?? ''),
      polygon: () => polygonPath(element.getAttribute('points') ?? '', true),
      polyline: () => polygonPath(element.getAttribute('points') ?? '', false),
    };
    const path = paths[element.localName]?.() ?? '';
    if (path === '' || (element.localName === 'circle' && of('r') <= 0)) return;
    const fill = element.localName === 'line' ? null : faded(paintOf(style.fill), style.fillOpacity * style.opacity);
    const stroke = style.strokeWidth > 0 ? faded(paintOf(style.stroke), style.opacity) : null;
    if (!fill && !stroke) return;
    this.put('q');
    this.paint(fill, stroke, style);
    this.put(path);
    this.put(fill && stroke ? 'B' : fill ? 'f' : 'S');
    this.put('Q');
  }

  private paint(fill: Paint, stroke: Paint, style: Style): void {
    const color = ([red, green, blue]: NonNullable<Paint>) => [red, green, blue].map(written).join(' ');
    if (fill) this.put(`${color(fill)} rg`);
    if (stroke) {
      this.put(`${color(stroke)} RG ${written(style.strokeWidth)} w ${style.join === 'round' ? 1 : 0} j`);
      const dash = style.dash === 'none' ? [] : style.dash.split(/[\s,]+/).map(Number.parseFloat);
      if (dash.length > 0 && dash.every(Number.isFinite)) this.put(`[${dash.map(written).join(' ')}] 0 d`);
    }
    const [ofFill, ofStroke] = [fill?.[3] ?? 1, stroke?.[3] ?? 1];
    if (ofFill < 1 || ofStroke < 1) this.put(`/${this.opacity(ofFill, ofStroke)} gs`);
  }

  private opacity(fill: number, stroke: number): string {
    const state = `/ca ${written(fill)} /CA ${written(stroke)}`;
    const name = this.opacities.get(state) ?? `G${this.opacities.size + 1}`;
    this.opacities.set(state, name);
    return name;
  }

  private font(font: StandardFont): string {
    const name = this.fonts.get(font) ?? `F${this.fonts.size + 1}`;
    this.fonts.set(font, name);
    return name;
  }

  /** Text with a halo is drawn twice: its lines, and above them itself. */
  private async text(element: Element, style: Style): Promise<void> {
    const text = element.textContent ?? '';
    if (text.trim() === '') return;
    const parts = runs(text, standardFont(style.family, style.weight)).map((run) =>
      run.kind === 'text'
        ? { ...run, advance: run.width * style.size, picture: null }
        : { ...run, ...this.pictured(run.text, style) },
    );
    const length = parts.reduce((sum, { advance }) => sum + advance, 0);
    const shift = style.anchor === 'middle' ? length / 2 : style.anchor === 'end' ? length : 0;
    const central = style.baseline === 'central' || style.baseline === 'middle';
    const y = lengthOf(element, 'y') + (central ? 0.35 * style.size : 0);
    const start = lengthOf(element, 'x') - shift;
    const fill = faded(paintOf(style.fill), style.fillOpacity * style.opacity);
    const stroke = style.strokeWidth > 0 ? faded(paintOf(style.stroke), style.opacity) : null;
    for (const [mode, paint] of [
      [1, stroke],
      [0, fill],
    ] as const) {
      if (!paint) continue;
      let x = start;
      this.put('q');
      this.paint(mode === 0 ? paint : null, mode === 1 ? paint : null, { ...style, join: 'round' });
      for (const part of parts) {
        if (part.kind === 'text') {
          const codes = part.codes.map((code) => code.toString(16).padStart(2, '0')).join('');
          const size = `/${this.font(part.font)} ${written(style.size * part.size)} Tf`;
          const place = `1 0 0 -1 ${written(x)} ${written(y - part.rise * style.size)} Tm`;
          this.put(`BT ${size} ${mode} Tr ${place} <${codes}> Tj ET`);
        } else if (mode === 0 && part.picture) {
          const { canvas, left, above, width, height } = part.picture;
          const box = [x - left * style.size, y - above * style.size, width * style.size, height * style.size] as const;
          // What the picture says can be searched and copied.
          this.put(`/Span << /ActualText ${unicode(part.text)} >> BDC`);
          this.place(await addCanvas(this.file, canvas), ...box);
          this.put('EMC');
        }
        x += part.advance;
      }
      this.put('Q');
    }
  }

  private pictured(text: string, { family, weight, size, fill }: Style) {
    const picture = pictureOf(text, family, weight, size, fill);
    return { advance: picture.advance * size, picture };
  }

  private async image(element: Element): Promise<void> {
    const address = element.getAttribute('href') ?? '';
    if (!address.startsWith('data:image/')) return;
    const picture = await addCanvas(this.file, await canvasOf(address));
    const of = (attribute: string) => lengthOf(element, attribute);
    this.place(picture, of('x'), of('y'), of('width'), of('height'));
  }

  private place(picture: string, x: number, y: number, width: number, height: number): void {
    this.pictures.push(picture);
    this.put(`q ${applied([width, 0, 0, -height, x, y + height])} /I${this.pictures.length} Do Q`);
  }

  async finish(width: number, height: number, title: string): Promise<Blob> {
    const { file } = this;
    const content = file.addStream('', await deflated([bytesOf(this.steps.join('\n'))]));
    const fonts = [...this.fonts].map(([font, name]) => {
      const encoding = font === 'Symbol' ? '' : ' /Encoding /WinAnsiEncoding';
      return `/${name} ${file.add(`<< /Type /Font /Subtype /Type1 /BaseFont /${font}${encoding} >>`)}`;
    });
    const states = [...this.opacities].map(([state, name]) => `/${name} << /Type /ExtGState ${state} >>`);
    const pictures = this.pictures.map((picture, k) => `/I${k + 1} ${picture}`);
    const resources = `<< /Font << ${fonts.join(' ')} >> /ExtGState << ${states.join(' ')} >> /XObject << ${pictures.join(' ')} >> >>`;
    // The page and the tree of pages name each other: the tree is the object after the page.
    const own = Number.parseInt(content, 10) + fonts.length + 1;
    const box = `[0 0 ${written(width)} ${written(height)}]`;
    const page = file.add(
      `<< /Type /Page /Parent ${own + 1} 0 R /MediaBox ${box} /Contents ${content} /Resources ${resources} >>`,
    );
    const pages = file.add(`<< /Type /Pages /Kids [${page}] /Count 1 >>`);
    const root = file.add(`<< /Type /Catalog /Pages ${pages} >>`);
    return file.finish(root, file.add(`<< /Title ${unicode(title)} /Producer ${unicode('starcyte')} >>`));
  }
}

function faded(paint: Paint, opacity: number): Paint {
  return paint && opacity > 0 ? [paint[0], paint[1], paint[2], paint[3] * opacity] : null;
}

function lengthOf(element: Element, attribute: string): number {
  const value = element.getAttribute(attribute) ?? '';
  const length = Number.parseFloat(value) || 0;
  if (!value.endsWith('%')) return length;
  const svg = element.closest('svg[viewBox]');
  const [, , width = 0, height = 0] = (svg?.getAttribute('viewBox') ?? '').split(/\s+/).map(Number);
  return (length / 100) * (attribute === 'height' || attribute === 'y' ? height : width);
}

function styleOf(element: Element, before: Style): Style {
  const of = (name: string, usual: string) => element.getAttribute(name) ?? usual;
  const number = (name: string, usual: number) => {
    const value = element.getAttribute(name);
    return value === null ? usual : Number.parseFloat(value);
  };
  return {
    fill: of('fill', before.fill),
    fillOpacity: number('fill-opacity', before.fillOpacity),
    stroke: of('stroke', before.stroke),
    strokeWidth: number('stroke-width', before.strokeWidth),
    dash: of('stroke-dasharray', before.dash),
    join: of('stroke-linejoin', before.join),
    // Of a group: that of each of its parts, none of which overlap.
    opacity: before.opacity * number('opacity', 1),
    size: number('font-size', before.size),
    family: of('font-family', before.family),
    weight: of('font-weight', before.weight),
    anchor: of('text-anchor', before.anchor),
    baseline: of('dominant-baseline', before.baseline),
  };
}
