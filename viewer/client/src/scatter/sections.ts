/** The sections of a spatial embedding, each with its own cells, image and scale. */
import type { Scatter } from '../canvas/scatter';
import type { BackdropImage } from '../canvas/webgl/backdrop';
import { orientedPlace, type Place, readPlace, slideOf } from '../state/viewer/place';
import { readTissue } from '../state/viewer/tissueImage';
import type { Viewer } from '../state/viewer/viewer.svelte';

/** The longer side of the image of a section in pixels. */
const SIDE = 900;

interface Section {
  readonly place: Place;
  readonly image: BackdropImage | null;
}

export class Sections {
  private readonly read = new Map<string, Promise<Section>>();

  constructor(private readonly viewer: Viewer) {}

  /** Show a section: its cells within the subset, its image, its spots. */
  async show(plot: Scatter, name: string): Promise<void> {
    const { view, schema, selection } = this.viewer;
    const { tissue: look } = view;
    const { place, image } = await this.section(name);
    const { subsetMask } = selection;
    const x = subsetMask ? place.x.map((at, cell) => (subsetMask[cell] ? at : Number.NaN)) : place.x;
    plot.setPositions(x, place.y);
    plot.setImage(look.image ? image : null);
    plot.setImageStyle({ opacity: look.opacity, brightness: look.brightness });
    plot.setSpotDiameter(look.trueSize ? (slideOf(schema, name)?.spot_diameter ?? null) : null);
    plot.fit();
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
