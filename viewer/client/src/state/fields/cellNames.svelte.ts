/** Names of single cells, requested when the pointer rests on one. */
import type { Api } from '../../api/client';

/** Milliseconds before the name is requested. */
const REST = 120;

export class CellNames {
  private known = $state.raw<ReadonlyMap<number, string>>(new Map());
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly api: Api) {}

  get(cell: number): string | null {
    return this.known.get(cell) ?? null;
  }

  /** Request a name, unless the pointer moves on before. Errors are ignored. */
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
