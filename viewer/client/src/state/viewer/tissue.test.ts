import { expect, test } from 'vitest';
import { isSpatial, tissueOf } from './place';

test.each(['spatial', 'X_spatial', 'Spatial', 'spatial3d', 'spatial_fov', 'center_spatial'])(
  '%s is in a tissue',
  (name) => {
    expect(isSpatial(name)).toBe(true);
  },
);

test.each(['X_umap', 'X_umap_nonspatial', 'nonspatial', 'non_spatial', 'spatial_umap', 'X_spatial_pca', 'aspatial'])(
  '%s is not in a tissue',
  (name) => {
    expect(isSpatial(name)).toBe(false);
  },
);

test('the image of a section is that of its slide, whatever the slide is called', () => {
  const image = (library: string, key: string) => ({
    name: `${library}/${key}`,
    library,
    ...{ width: 1, height: 1, scale: 1 },
  });
  const images = [image('a', 'hires'), image('a', 'lowres'), image('pca', 'hires')];
  const embeddings = [
    { name: 'spatial/a', dims: 2, library: 'a' },
    { name: 'spatial/pca', dims: 2, library: 'pca' },
    { name: 'spatial', dims: 2, library: null },
  ];
  const shown = embeddings.map(({ name }) => tissueOf({ images, embeddings }, name)?.name ?? null);
  expect(shown).toEqual(['a/hires', 'pca/hires', null]);
  expect(tissueOf({ images: images.slice(0, 2), embeddings }, 'spatial')?.name).toBe('a/hires');
});
