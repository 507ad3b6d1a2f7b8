/** The results that the file has: what there is, read when it is first asked for. */
import type { Api } from '../../api/client';
import type { PagaGraph, StoredContents, VelocityGrid } from '../../api/types';

const NOTHING: StoredContents = { ranked_genes: [], dendrograms: [], paga: null, velocity: [], warnings: [] };

export class Stored {
  /** null until it is read. */
  contents = $state.raw<StoredContents | null>(null);
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

  paga(): Promise<PagaGraph> {
    return this.api.json<PagaGraph>('stored/paga');
  }

  velocity(embedding: string, points: number): Promise<VelocityGrid> {
    return this.api.json<VelocityGrid>(`velocity/${encodeURIComponent(embedding)}?points=${points}`);
  }
}
