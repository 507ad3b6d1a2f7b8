/** Sentences of figure legends. */
import type { MethodInfo, Schema, StoredContents } from '../../api/types';
import { count, embeddingName, number } from '../../ui/format';
import type { Made } from '../compare/byCategory.svelte';
import type { Comparison } from '../compare/compare.svelte';
import { hasFoldChange, scaleText } from '../compare/methods';
import type { Thresholds } from '../compare/thresholds';
import type { Coloring } from '../fields/coloring';
import type { FieldData } from '../fields/field';
import { type Chip, filterChips } from '../fields/filters';
import type { View } from '../view/view';

const CORRECTIONS: Readonly<Record<string, string>> = {
  'benjamini-hochberg': 'by Benjamini and Hochberg’s method',
  bonferroni: 'by Bonferroni’s method',
};

export function dataset({ title, n_obs, n_vars, version, modalities }: Schema): string {
  return `Dataset: ${title} (${count(n_obs)} cells, ${count(n_vars)} ${modalities.length > 0 ? 'features' : 'genes'}). Drawn with starcyte ${version}.`;
}

/** Describe the subset and the selection; empty if all cells are selected. */
export function selection(view: View, fields: ReadonlyMap<string, FieldData>, passing: number, n: number): string {
  const chips = filterChips(view, fields);
  const size = view.subset?.n ?? n;
  const subset = view.subset ? `Of ${count(n)} cells ${count(size)} are shown, a subset.` : '';
  if (chips.length === 0) return subset;
  const names = chips.map((chip: Chip) => (chip.key === 'lasso' ? 'a lasso' : `${chip.title} (${chip.text})`));
  const selected = `Of ${subset ? 'these' : `${count(n)} cells`} ${count(passing)} are selected, by ${listed(names)}.`;
  return subset ? `${subset} ${selected}` : selected;
}

export function scatter(embedding: string, coloring: Coloring): string {
  const where = `Cells in the coordinates of ${embeddingName(embedding)} (${embedding})`;
  if (coloring.kind === 'plain') return `${where}.`;
  if (coloring.kind === 'category') return `${where}, coloured by ${coloring.title}.`;
  if (coloring.kind === 'pair') {
    const spans = [coloring.a, coloring.b].map(({ title, subtitle, domain: [low, high] }) => {
      return `${title}${subtitle ? ` (${subtitle})` : ''} from ${number(low)} to ${number(high)}`;
    });
    return `${where}, coloured by ${spans.join(' and ')} at once.`;
  }
  const [low, high] = coloring.domain;
  const source = coloring.subtitle ? ` (${coloring.subtitle})` : '';
  const ends = Number.isNaN(low) ? '' : `; colours run from ${number(low)} to ${number(high)}${clipped(coloring)}`;
  const zero = coloring.zero ? '; cells at 0 are grey' : '';
  return `${where}, coloured by ${coloring.title}${source}${ends}${zero}.`;
}

/** Describe the overlays of results that the file has; empty if none is drawn. */
export function overlays({ overlays: on, axes }: View, embedding: string, contents: StoredContents | null): string {
  if (!contents || axes) return '';
  const parts: string[] = [];
  if (on.paga !== null && contents.paga) {
    const { group_by } = contents.paga;
    parts.push(
      `Nodes are at the medians of the categories of ${group_by}, edges are connectivities by PAGA from ${number(on.paga)}, wider the larger they are.`,
    );
  }
  if (on.velocity !== null && contents.velocity.includes(embedding)) {
    parts.push('Arrows are velocities of all cells, averaged on a grid as scVelo does.');
  }
  return parts.join(' ');
}

function clipped({ domain, extent }: { domain: readonly [number, number]; extent: readonly [number, number] }): string {
  return extent[0] < domain[0] || extent[1] > domain[1] ? ', more extreme values as these ends' : '';
}

export function comparison(made: Comparison, thresholds: Thresholds | null): string {
  const { a, b, method, result } = made;
  const correction = CORRECTIONS[result.correction] ?? `by ${result.correction}`;
  const limits: string[] = [];
  if (thresholds && thresholds.fold > 0 && hasFoldChange(made)) {
    limits.push(`an absolute log2 fold change of at least ${number(thresholds.fold)}`);
  }
  if (thresholds && thresholds.p < 1) limits.push(`an adjusted p-value of at most ${number(thresholds.p)}`);
  if (thresholds && thresholds.fraction > 0)
    limits.push(`at least ${number(100 * thresholds.fraction)} % of cells above 0`);
  const { min_fraction: fraction = 0, fold_change, warnings: given = [] } = result;
  const { samples, sample, coefficients = [] } = result;
  const least =
    !samples && fraction > 0 ? ` that at least ${number(100 * fraction)} % of the cells of one group express` : '';
  const change = fold_change ? ` Fold changes are by ${fold_change.name}.` : '';
  const warnings = given.map((warning) => ` ${warning}`).join('');
  const shown = limits.length > 0 ? ` Marked are genes with ${listed(limits)}.` : '';
  const replicates = samples
    ? ` Replicates are samples (${sample}): ${['a', 'b'].map((side) => samples.filter((one) => one.side === side).length).join(' against ')}; the model has ${listed(coefficients)}.`
    : ' Cells are taken for replicates.';
  return `Expression in ${a} (${count(result.n_a)} cells) against ${b} (${count(result.n_b)} cells) by ${method.name} on ${result.matrix} (${scaleText(result)}); p-values of ${count(result.n_tested ?? result.n_genes)} genes${least} adjusted ${correction}.${replicates}${change}${warnings}${shown}`;
}

/** Describe the heat map of a comparison within each category. */
export function categories({ names, result }: Made, method: MethodInfo): string {
  const compared = result.categories.filter(({ problem }) => problem === null).length;
  const left = result.categories.length - compared;
  const correction = CORRECTIONS[result.correction] ?? `by ${result.correction}`;
  const adjusted = result.covariates.length > 0 ? `, adjusted for ${listed(result.covariates)}` : '';
  const why = result.sample === null ? 'with too few cells' : 'whose samples do not allow it';
  const not = left > 0 ? ` ${count(left)} categories ${why} are left out.` : '';
  const replicates =
    result.sample === null
      ? 'Cells are taken for replicates; each category has its own genes tested'
      : `Replicates are samples (${result.sample})${adjusted}; each category has its own filter of genes, normalisation and model`;
  return `Log2 fold changes of the most changed genes, ${names.a} against ${names.b}, in each of ${count(compared)} categories of ${result.each}, by ${method.name} on ${result.matrix} (${scaleText(result)}). ${replicates}. Dots mark p-values below 0.05, adjusted ${correction} within each category; dashes, genes that were not tested.${not}`;
}

/** Join words by commas and "and"; beyond a limit, with the number of others. */
export function listed(words: readonly string[], most = Number.POSITIVE_INFINITY): string {
  if (words.length > most) return `${words.slice(0, most).join(', ')} and ${count(words.length - most)} others`;
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
