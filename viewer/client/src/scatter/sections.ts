/** The sections of a spatial embedding, each with its own cells, image and scale. */
import { type Box, boundsOf } from '../canvas/camera';
import type { Scatter } from '../canvas/scatter';
import type { BackdropImage } from '../canvas/webgl/backdrop';
import { orientedPlace, type Place, readPlace, slideOf } from '../state/viewer/place';
import { readTissue } from '../state/viewer/tissueImage';
import type { Viewer } from '../state/viewer/viewer.svelte';

/** Width and height in micrometres. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** Return the box around the middle of another that has an extent, where a unit has so many micrometres. */
export function boxOfExtent(box: Box, { width, height }: Extent, microns: number): Box {
  const [x, y] = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2];
  const [dx, dy] = [width / microns / 2, height / microns / 2];
  return { x0: x - dx, x1: x + dx, y0: y - dy, y1: y + dy };
}

/** The longer side of the image of a section in pixels. */
const SIDE = 900;

interface Section {
  readonly place: Place;
  readonly image: BackdropImage | null;
}

export class Sections {
  private readonly read = new Map<string, Promise<Section>>();

  constructor(private readonly viewer: Viewer) {}

  /** Whether the length of a micrometre is known in all of some sections. */
  areMeasured(names: readonly string[]): boolean {
    return names.every((name) => slideOf(this.viewer.schema, name)?.microns);
  }

  /** Return the extent that contains each of some sections whose scale is known. */
  async largest(names: readonly string[]): Promise<Extent> {
    let [width, height] = [0, 0];
    for (const name of names) {
      const { place } = await this.section(name);
      const box = boundsOf(this.drawn(place), place.y);
      const microns = slideOf(this.viewer.schema, name)?.microns ?? 0;
      if (!box) continue;
      width = Math.max(width, (box.x1 - box.x0) * microns);
      height = Math.max(height, (box.y1 - box.y0) * microns);
    }
    return { width, height };
  }

  /**
   * Show a section: its cells within the subset, its image, its spots.
   *
   * @param extent - the extent of the picture, for one scale of all sections; null: that of the section
   */
  async show(plot: Scatter, name: string, extent: Extent | null = null): Promise<void> {
    const { view, schema } = this.viewer;
    const { tissue: look } = view;
    const { place, image } = await this.section(name);
    const x = this.drawn(place);
    const own = boundsOf(x, place.y);
    const microns = slideOf(schema, name)?.microns;
    const box = extent && own && microns ? boxOfExtent(own, extent, microns) : own;
    plot.setPositions(x, place.y, { box });
    plot.setImage(look.image ? image : null);
    plot.setImageStyle({ opacity: look.opacity, brightness: look.brightness });
    plot.setSpotDiameter(look.trueSize ? (slideOf(schema, name)?.spot_diameter ?? null) : null);
    plot.fit();
  }

  /** Return the first coordinates of the cells within the subset. */
  private drawn({ x }: Place): Float32Array {
    const { subsetMask } = this.viewer.selection;
    return subsetMask ? x.map((at, cell) => (subsetMask[cell] ? at : Number.NaN)) : x;
  }

  /** Read a section once for each orientation. */
  private section(name: string): Promise<Section> {
    const { turns, flipped } = this.viewer.view.tissue;
    const key = `${turns} ${flipped} ${name}`;
    const known = this.read.get(key);
    if (known) return known;
    // Images take memory: those of another orientation are dropped.
    for (const other of this.read.keys()) if (other.endsWith(` ${name}`)) this.read.delete(other);
    const made = this.load(name, { turns, flipped });
    this.read.set(key, made);
    made.catch(() => this.read.delete(key));
    return made;
  }

  private async load(name: string, orientation: Parameters<typeof orientedPlace>[2]): Promise<Section> {
    const { api, schema } = this.viewer;
    const read = async () => orientedPlace(await readPlace(name, api, schema), schema, orientation);
    const [place, image] = await Promise.all([read(), readTissue({ name, orientation }, this.viewer, SIDE)]);
    return { place, image };
  }
}
