/** The image of the tissue below the cells of a spatial embedding. */
import type { Api } from '../../api/client';
import type { Schema } from '../../api/types';
import { boundsOf } from '../../canvas/camera';
import type { BackdropImage } from '../../canvas/webgl/backdrop';
import { oriented, turnOf } from '../view/tissue';
import { type Place, tissueOf } from './place';

/**
 * Fetch the image of a spatial embedding, turned as its cells are; null if there is none, or one for each of several
 * slides. `side` limits its pixels.
 */
export async function readTissue(
  { name, orientation }: Pick<Place, 'name' | 'orientation'>,
  { schema, api }: { readonly schema: Schema; readonly api: Api },
  side = Number.POSITIVE_INFINITY,
): Promise<BackdropImage | null> {
  const image = tissueOf(schema, name);
  if (!image) return null;
  const blob = await api.image(image.name);
  const reduced = Math.max(image.width, image.height) / side;
  const source = await (reduced > 1
    ? createImageBitmap(blob, {
        resizeWidth: Math.max(1, Math.round(image.width / reduced)),
        resizeHeight: Math.max(1, Math.round(image.height / reduced)),
        resizeQuality: 'medium',
      })
    : createImageBitmap(blob));
  const turn = turnOf(orientation ?? { turns: 0, flipped: false });
  const corners = [
    [0, 0],
    [image.width / image.scale, -image.height / image.scale],
  ].map(([x, y]) => oriented(turn, x as number, y as number));
  const along = (k: 0 | 1) => Float32Array.from(corners, (corner) => corner[k]);
  const box = boundsOf(along(0), along(1));
  return box && { source, box, turn };
}
