import { expect, test } from 'vitest';
import { isSpatial } from './place';

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
