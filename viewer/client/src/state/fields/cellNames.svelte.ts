/** Names of single cells, asked for when a pointer rests on one. */
import type { Api } from '../../api/client';

/** Milliseconds a pointer rests before the name is asked for. */
const REST = 120;

export class CellNames {
  private known = $state.raw<ReadonlyMap<number, string>>(new Map());
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly api: Api) {}

  get(cell: number): string | null {
    return this.known.get(cell) ?? null;
  }

  /** Ask for a name, unless the pointer moves on before. Its failure is none of the user's business. */
  want(cell: number): void {
    clearTimeout(this.timer);
    if (this.known.has(cell)) return;
    this.timer = setTimeout(async () => {
      const name = await this.api.cellName(cell).catch(() => null);
      if (name !== null) this.known = new Map(this.known).set(cell, name);
    }, REST);
  }

  cancel(): void {
    clearTimeout(this.timer);
  }
}
