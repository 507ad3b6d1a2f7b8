/** Pictures in a PDF: their colours without a loss, and how opaque they are as a second picture. */
import { deflated, type PdfFile } from './file';

/** Pixels that are read at once: the page answers in between. */
const AT_ONCE = 1 << 17;

/** Add the pixels of a canvas to a file, and return the reference to the picture. */
export async function addCanvas(file: PdfFile, canvas: HTMLCanvasElement): Promise<string> {
  const { width, height } = canvas;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('The picture could not be read.');
  const rows = Math.max(1, Math.floor(AT_ONCE / width));
  const masks: Uint8Array<ArrayBuffer>[] = [];
  async function* colors() {
    for (let top = 0; top < height; top += rows) {
      const { data } = (context as CanvasRenderingContext2D).getImageData(0, top, width, Math.min(rows, height - top));
      const n = data.length / 4;
      const [color, mask] = [new Uint8Array(3 * n), new Uint8Array(n)];
      for (let k = 0; k < n; k++) {
        color[3 * k] = data[4 * k] as number;
        color[3 * k + 1] = data[4 * k + 1] as number;
        color[3 * k + 2] = data[4 * k + 2] as number;
        mask[k] = data[4 * k + 3] as number;
      }
      masks.push(mask);
      yield color;
      await new Promise((rest) => setTimeout(rest));
    }
  }
  const size = `/Type /XObject /Subtype /Image /Width ${width} /Height ${height} /BitsPerComponent 8`;
  const color = await deflated(colors());
  const mask = file.addStream(`${size} /ColorSpace /DeviceGray`, await deflated(masks));
  return file.addStream(`${size} /ColorSpace /DeviceRGB /SMask ${mask}`, color);
}

/** Draw an image of the page on a canvas of its own pixels. */
export async function canvasOf(address: string): Promise<HTMLCanvasElement> {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, image.naturalWidth);
  canvas.height = Math.max(1, image.naturalHeight);
  canvas.getContext('2d', { willReadFrequently: true })?.drawImage(image, 0, 0);
  return canvas;
}

/** Pixels of a picture of text for each of its size. */
const SHARP = 8;

export interface TextPicture {
  readonly canvas: HTMLCanvasElement;
  /** In sizes of the text: the width of the text, and what of the picture is left of it and above its line. */
  readonly advance: number;
  readonly left: number;
  readonly above: number;
  readonly width: number;
  readonly height: number;
}

/** Draw a text that no standard font of PDF has. */
export function pictureOf(text: string, family: string, weight: string, size: number, color: string): TextPicture {
  const canvas = document.createElement('canvas');
  const font = `${weight} ${size * SHARP}px ${family}`;
  const measure = canvas.getContext('2d') as CanvasRenderingContext2D;
  measure.font = font;
  const advance = measure.measureText(text).width;
  const scale = size * SHARP;
  canvas.width = Math.max(1, Math.ceil(advance + 0.4 * scale));
  canvas.height = Math.ceil(1.6 * scale);
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.font = font;
  context.fillStyle = color;
  context.fillText(text, 0.2 * scale, 1.2 * scale);
  return {
    canvas,
    advance: advance / scale,
    left: 0.2,
    above: 1.2,
    width: canvas.width / scale,
    height: canvas.height / scale,
  };
}
