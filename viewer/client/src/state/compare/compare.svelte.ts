/** Differential expression between the two sets: start, follow, give up, and the results that come of it. */
import type { DiffexpGene, DiffexpResult, MethodInfo } from '../../api/types';
import { save } from '../../ui/drawing/download';
import { count } from '../../ui/format';
import { csv } from '../../wire/csv';
import { selectionOf } from '../fields/cells';
import { JobRun } from '../viewer/job.svelte';
import type { Viewer } from '../viewer/viewer.svelte';
import { methodOf } from './methods';
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
  /** The id of the method chosen. */
  method = $state('');
  thresholds = $state.raw<Thresholds>(USUAL);
  /** Those of this session, the newest first. */
  results = $state.raw<readonly Comparison[]>([]);
  shown = $state<number | null>(null);
  readonly run: JobRun<DiffexpResult>;
  /** Told of a comparison that has ended well, and of one that the user wants no more. */
  onFound: (comparison: Comparison) => void = () => {};
  onRemoved: (comparison: Comparison) => void = () => {};
  private next = 1;

  constructor(private readonly viewer: Viewer) {
    this.run = new JobRun(viewer.api, PAGE);
    this.method = viewer.schema.methods[0]?.id ?? '';
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
    if (setA.n < fewest) return `Set A needs at least ${least}.`;
    const nB = setB === 'rest' ? this.viewer.n - setA.n : setB.n;
    if (nB < fewest) return `Set B needs at least ${least}.`;
    return null;
  }

  async start(): Promise<void> {
    const { setA, setB, matrix } = this.viewer.view;
    if (!setA || !setB || !matrix || this.obstacle || this.run.running) return;
    const { cells, api } = this.viewer;
    const a = selectionOf(cells.get(setA));
    const b = setB === 'rest' ? setB : selectionOf(cells.get(setB));
    const body = { a, b, method: this.method, matrix, limit: PAGE } as const;
    const found = await this.run.ask(
      (giveUp) => api.diffexp(body, giveUp),
      async (result, giveUp) => ({ result, genes: await this.allGenes(result, giveUp) }),
    );
    if (!found) return;
    const named = {
      a: setA.name ?? 'Selected cells',
      b: setB === 'rest' ? 'the rest' : (setB.name ?? 'selected cells'),
    };
    this.onFound(this.bringBack({ ...named, ...found }));
  }

  /** Show a comparison that was made before. */
  bringBack(made: Omit<Comparison, 'id' | 'method'>): Comparison {
    const method = methodOf(this.viewer.schema, made.result.method);
    const comparison = { id: this.next++, method, ...made };
    this.results = [comparison, ...this.results];
    this.shown = comparison.id;
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
    save(csv(columns, rows), `${this.viewer.schema.title} ${titleOf(comparison)}.csv`);
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

/** Method, sizes and matrix of a result, in a line. */
export function howOf({ method, result }: Comparison): string {
  return `${method.name}, ${count(result.n_a)} against ${count(result.n_b)} cells, ${result.matrix}`;
}
