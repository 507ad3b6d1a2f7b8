/** The volcano plot of a comparison as a panel of a figure. */
import { mount } from 'svelte';
import { type Compare, type Comparison, titleOf } from '../../state/compare/compare.svelte';
import { passing } from '../../state/compare/thresholds';
import { dataset, comparison as sentence } from '../../state/plots/figureLegend';
import type { Viewer } from '../../state/viewer/viewer.svelte';
import type { PanelSource } from '../../ui/drawing/panel';
import { drawnOutside } from '../drawnOutside';
import Volcano from './Volcano.svelte';

/** Height in widths. */
const ASPECT = 0.85;

export function volcanoPanel(viewer: Viewer, compare: Compare, comparison: Comparison): PanelSource {
  const { thresholds } = compare;
  const genes = passing(comparison.genes, thresholds, comparison);
  return {
    title: titleOf(comparison),
    text: `${sentence(comparison, thresholds)} ${dataset(viewer.schema)}`,
    draw: (request) => {
      const props = { viewer, compare, comparison, passing: genes, thresholds, pointed: null, onpoint: () => {} };
      const height = request.height ?? request.width * ASPECT;
      return drawnOutside((target) => mount(Volcano, { target, props }), request, height);
    },
  };
}
