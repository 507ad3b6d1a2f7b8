/** One, two or four plots side by side. The embedding and colours of the view itself are those of the active plot. */
import type { Schema } from '../../api/types';
import { geneKey } from './fieldRef';
import type { ColorBy, PaneSpec, View } from './view';

export type Panes = 1 | 2 | 4;

/** Return the specifications of the plots. */
export function paneSpecs(view: View): readonly PaneSpec[] {
  const { embedding, axes, color } = view;
  return view.panes.map((spec, k) => (k === view.active ? { embedding, axes, color } : spec));
}

/** Activate another plot. */
export function withActive(view: View, active: number): View {
  const panes = paneSpecs(view);
  const spec = panes[active];
  return spec && active !== view.active ? { ...view, panes, active, ...spec } : view;
}

/** Change the number of plots. New ones have the same embedding and other colours, recent genes first. */
export function withPanes(view: View, count: Panes, schema: Schema): View {
  const before = paneSpecs(view);
  if (count === before.length) return view;
  const { embedding, axes } = view;
  const current = before[view.active] as PaneSpec;
  const kept = count === 1 ? [current] : before.slice(0, count);
  const colors = otherColors(view, schema, new Set(kept.map(({ color }) => nameOf(color))));
  const panes = [...kept];
  for (let k = panes.length; k < count; k++) {
    panes.push({ embedding, axes, color: colors[k - kept.length] ?? { kind: 'none' } });
  }
  const active = count === 1 ? 0 : Math.min(view.active, count - 1);
  return { ...view, panes, active, ...(panes[active] as PaneSpec) };
}

/** Return colours for further plots: recent genes, then columns of few categories, then measurements. */
function otherColors(view: View, schema: Schema, shown: ReadonlySet<string>): ColorBy[] {
  const few = schema.obs.filter(({ kind, n_categories: n }) => kind === 'categorical' && n && n > 1 && n <= 100);
  const measured = schema.obs.filter(({ kind }) => kind === 'continuous');
  const candidates: ColorBy[] = [
    ...view.genes.map((gene) => ({ kind: 'gene', ...gene }) as const),
    ...[...few, ...measured].map(({ name }) => ({ kind: 'obs', column: name }) as const),
  ];
  return candidates.filter((color) => !shown.has(nameOf(color)));
}

/** Return a name that is equal for equal colours. */
export function nameOf(color: ColorBy): string {
  return color.kind === 'gene' ? geneKey(color) : JSON.stringify(color);
}
