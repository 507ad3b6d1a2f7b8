/** Differential expression between the two sets: start, follow, give up, and the results that come of it. */
import type { DiffexpGene, DiffexpResult, MethodInfo } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { count, number } from '../../ui/format';
import { csv } from '../../wire/csv';
import { selectionOf } from '../fields/cells';
import { isByHand } from '../fields/selectionName';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import { ByCategory } from './byCategory.svelte';
import type { CompareOptions } from './compareOptions.svelte';
import { methodLines, methodOf, scaleText } from './methods';
import { NamedGenes } from './namedGenes.svelte';
import type { Question } from './question';
import { Samples } from './samples.svelte';
import { NO_LIMITS, type Thresholds, USUAL } from './thresholds';

/** Genes asked for at once. */
const PAGE = 5000;

/** A finished comparison. */
export interface Comparison {
  readonly id: number;
  /** What set A and set B were called. */
  readonly a: string;
  readonly b: string;
  /** What the user calls it, in place of what it is of. */
  readonly name?: string;
  readonly method: MethodInfo;
  readonly result: DiffexpResult;
  readonly genes: readonly DiffexpGene[];
}

export class Compare {
  /** The id of the method that the user chose; null until then. */
  private chosen = $state<string | null>(null);
  thresholds = $state.raw<Thresholds>(USUAL);
  /** Those of this session, the newest first. */
  results = $state.raw<readonly Comparison[]>([]);
  shown = $state<number | null>(null);
  readonly run: JobRun<DiffexpResult>;
  readonly samples: Samples;
  readonly byCategory: ByCategory;
  readonly namedGenes = new NamedGenes();
  /** Told of a comparison that has ended well, and of one that the user wants no more. */
  onFound: (comparison: Comparison) => void = () => {};
  onRemoved: (comparison: Comparison) => void = () => {};
  private next = 1;

  constructor(
    private readonly viewer: Viewer,
    readonly options: CompareOptions,
  ) {
    this.run = new JobRun(viewer.api, PAGE);
    this.samples = new Samples(viewer);
    this.byCategory = new ByCategory(viewer, this);
  }

  /** Whether the method compares samples instead of cells. */
  get overSamples(): boolean {
    return methodOf(this.viewer.schema, this.method).over_samples;
  }

  /** The matrix that is compared: over samples, one of counts if there is one. */
  get matrix(): string | null {
    const { matrix } = this.viewer.view;
    const { list, scaleOf } = this.viewer.matrices;
    const isCounts = (name: string) => scaleOf.call(this.viewer.matrices, name) === 'counts';
    if (!this.overSamples || matrix === null || isCounts(matrix)) return matrix;
    return list.find(({ name }) => isCounts(name))?.name ?? matrix;
  }

  /** The id of the method: the one chosen, else the usual one for cells selected by hand, or for categories. */
  get method(): string {
    const { methods } = this.viewer.schema;
    const { setA, setB } = this.viewer.view;
    const byHand = [setA, setB].some((set) => set !== null && set !== 'rest' && isByHand(set.name));
    const suited = byHand ? methods.find(({ suits_selections }) => suits_selections) : undefined;
    return this.chosen ?? (suited ?? methods[0])?.id ?? '';
  }

  set method(id: string) {
    this.chosen = id;
  }

  /** The result shown. */
  get comparison(): Comparison | null {
    return this.results.find((result) => result.id === this.shown) ?? null;
  }

  /** What is missing before a comparison can start; null where nothing is. */
  get obstacle(): string | null {
    const { setA, setB, matrix } = this.viewer.view;
    if (!matrix) return 'This dataset has no expression matrix.';
    if (!setA) return 'Select cells and use them as set A.';
    if (!setB) return 'Select cells for set B, or compare with the rest.';
    const { fewest_cells: fewest } = methodOf(this.viewer.schema, this.method);
    const least = fewest === 1 ? 'one cell' : `${count(fewest)} cells`;
    const { selection } = this.viewer;
    const nA = selection.inSubset(setA);
    if (nA < fewest) return `Set A needs at least ${least}.`;
    const nB = setB === 'rest' ? this.viewer.size - nA : selection.inSubset(setB);
    if (nB < fewest) return `Set B needs at least ${least}.`;
    if (!this.overSamples) return null;
    if (this.samples.column === null) return 'Choose the column of samples.';
    return this.samples.design?.problem ? 'The samples allow no comparison.' : null;
  }

  /** The question of the sets as they are now; null if something is missing. */
  get question(): Question | null {
    const { setA, setB } = this.viewer.view;
    const { matrix } = this;
    if (!setA || !setB || !matrix || this.obstacle) return null;
    const { cells } = this.viewer;
    const within = this.viewer.selection.subsetWithin;
    return {
      names: {
        a: setA.name ?? 'Selected cells',
        b: setB === 'rest' ? (within ? 'the rest of the subset' : 'the rest') : (setB.name ?? 'selected cells'),
      },
      groups: {
        a: selectionOf(cells.get(setA)),
        b: setB === 'rest' ? setB : selectionOf(cells.get(setB)),
        ...(within ? { within } : {}),
      },
      samples: this.overSamples ? this.samples.request : null,
      method: this.method,
      matrix,
    };
  }

  async start(): Promise<void> {
    const { question } = this;
    if (question && !this.run.running) await this.ask(question);
  }

  /** Ask a question, and show the answer. */
  async ask({ names, groups, samples, method, matrix }: Question): Promise<void> {
    const body = { ...groups, method, matrix, limit: PAGE, ...this.options.of(matrix), ...samples } as const;
    const found = await this.run.ask(
      (giveUp) => this.viewer.api.diffexp(body, giveUp),
      async (result, giveUp) => ({ result, genes: await this.allGenes(result, giveUp) }),
    );
    if (found) this.onFound(this.bringBack({ ...names, ...found }));
  }

  /** Show a comparison that was made before. */
  bringBack(made: Omit<Comparison, 'id' | 'method'>): Comparison {
    const method = methodOf(this.viewer.schema, made.result.method);
    const comparison = { id: this.next++, method, ...made };
    this.results = [comparison, ...this.results];
    this.shown = comparison.id;
    this.byCategory.isOpen = false;
    return comparison;
  }

  remove(comparison: Comparison): void {
    this.results = this.results.filter((result) => result !== comparison);
    if (this.shown === comparison.id) this.shown = this.results[0]?.id ?? null;
    this.onRemoved(comparison);
  }

  /** Give a comparison a name of the user's; an empty one takes it away. */
  rename(comparison: Comparison, wanted: string): void {
    const name = wanted.trim();
    if (name === titleOf(comparison)) return;
    const { name: _, ...rest } = comparison;
    const renamed = name ? { ...rest, name } : rest;
    this.results = this.results.map((result) => (result === comparison ? renamed : result));
  }

  showAll(): void {
    this.thresholds = NO_LIMITS;
  }

  downloadCsv(comparison: Comparison): void {
    const { columns, rows } = tableOf(comparison);
    const { result, method } = comparison;
    const lines = methodLines(method, result, `${titleOf(comparison)}: ${howOf(comparison)}`);
    save(csv(columns, rows, lines), `${this.viewer.schema.title} ${titleOf(comparison)}.csv`);
  }

  private async allGenes(result: DiffexpResult, giveUp: AbortSignal): Promise<readonly DiffexpGene[]> {
    const genes = [...result.genes];
    while (result.job_id && genes.length < result.n_genes) {
      const page = await this.viewer.api.job<DiffexpResult>(result.job_id, genes.length, PAGE, giveUp);
      if (!page.result?.genes.length) break;
      genes.push(...page.result.genes);
    }
    return genes;
  }
}

/** All genes of a comparison with every number, as rows. */
export function tableOf({ genes, method: { columns } }: Comparison) {
  return { columns, rows: genes.map((gene) => columns.map((column) => gene[column])) };
}

export function titleOf({ a, b, name, method }: Comparison): string {
  return name ?? `${a} vs ${b}, ${method.label}`;
}

/** Method, sizes, matrix and tested genes of a result, in a line. */
export function howOf({ method, result }: Comparison): string {
  const { n_a, n_b, matrix, min_fraction: least = 0, n_tested, samples } = result;
  if (samples) {
    const [a, b] = ['a', 'b'].map((side) => count(samples.filter((sample) => sample.side === side).length));
    const genes = `${count(n_tested ?? result.n_genes)} genes tested`;
    return `${method.name}, ${a} against ${b} (${result.sample}), ${matrix} (${scaleText(result)}); ${genes}`;
  }
  const tested = n_tested === undefined ? '' : `; ${count(n_tested)} genes tested`;
  const limit = n_tested !== undefined && least > 0 ? `, those in ≥ ${number(100 * least)} % of a group` : '';
  return `${method.name}, ${count(n_a)} against ${count(n_b)} cells, ${matrix} (${scaleText(result)})${tested}${limit}`;
}
