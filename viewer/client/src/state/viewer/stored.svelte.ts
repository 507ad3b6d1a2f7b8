/** The results that the file has: what there is, read when it is first asked for. */
import { type Api, pathOf } from '../../api/client';
import type { PagaGraph, RankedGenesTable, StoredContents, VelocityGrid } from '../../api/types';

const NOTHING: StoredContents = { ranked_genes: [], dendrograms: [], paga: null, velocity: [], warnings: [] };

/** The limit of answers that are kept. */
const MOST_KEPT = 8;

export class Stored {
  /** null until it is read. */
  contents = $state.raw<StoredContents | null>(null);
  private readonly answers = new Map<string, Promise<unknown>>();
  private reading: Promise<StoredContents> | null = null;

  constructor(private readonly api: Api) {}

  /** Read what there is, once; of a file whose results cannot be read, nothing. */
  load(): Promise<StoredContents> {
    this.reading ??= this.api.json<StoredContents>('stored').then(
      (contents) => {
        this.contents = contents;
        return contents;
      },
      () => {
        this.reading = null;
        return NOTHING;
      },
    );
    return this.reading;
  }

  /** Read a part of the ranked genes of a group. */
  genes(key: string, group: string, offset: number, limit: number): Promise<RankedGenesTable> {
    const path = pathOf(`stored/genes/${encodeURIComponent(key)}`, { group, offset, limit });
    return this.api.json<RankedGenesTable>(path);
  }

  paga(): Promise<PagaGraph> {
    return this.once<PagaGraph>('stored/paga');
  }

  velocity(embedding: string, points: number): Promise<VelocityGrid> {
    return this.once<VelocityGrid>(`velocity/${encodeURIComponent(embedding)}?points=${points}`);
  }

  /** Fetch an answer once; of several, the last few are kept. */
  private once<T>(path: string): Promise<T> {
    const known = this.answers.get(path);
    if (known) return known as Promise<T>;
    const answer = this.api.json<T>(path);
    this.answers.set(path, answer);
    answer.catch(() => this.answers.delete(path));
    for (const oldest of this.answers.keys()) if (this.answers.size > MOST_KEPT) this.answers.delete(oldest);
    return answer;
  }
}
