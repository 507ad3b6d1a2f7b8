/** The idle timeout of the server: the page reports input to it, and warns before it stops. */
import type { CurationApi } from '../../api/curation';
import type { Idle } from '../../api/curationTypes';
import { sleep } from '../../api/sleep';

/** Seconds before the timeout from which on the user is warned. */
const WARNING = 300;
/** The interval between two requests, as a fraction of the timeout and in seconds. */
const SHARE = 0.1;
const SHORTEST = 1;
const LONGEST = 60;

export class IdleEnd {
  /** Seconds left; null without a timeout, or if it is not near. */
  left = $state<number | null>(null);
  private timeout = 0;
  private ends = 0;
  private reported = 0;
  private readonly controller = new AbortController();

  constructor(
    private readonly api: CurationApi,
    private readonly health: (signal: AbortSignal) => Promise<{ readonly idle?: Idle }>,
  ) {}

  /** Start to follow the timeout. */
  start(): void {
    void this.follow();
    const use = () => void this.use();
    for (const event of ['pointerdown', 'keydown', 'wheel']) {
      window.addEventListener(event, use, { passive: true, signal: this.controller.signal });
    }
  }

  dispose(): void {
    this.controller.abort();
  }

  /** Report input to the server, which may cause no other request. */
  private async use(): Promise<void> {
    if (!this.timeout || this.left !== null) return;
    const now = Date.now();
    if (now - this.reported < 1000 * this.interval) return;
    this.reported = now;
    await this.stayOpen().catch(() => {});
  }

  async stayOpen(): Promise<void> {
    this.update((await this.api.stayOpen()).idle);
  }

  private get interval(): number {
    return Math.min(LONGEST, Math.max(SHORTEST, this.timeout * SHARE));
  }

  private async follow(): Promise<void> {
    const { signal } = this.controller;
    try {
      do {
        try {
          this.update((await this.health(signal)).idle);
        } catch {
          // A lost connection is reported elsewhere.
        }
        for (let waited = 0; waited < this.interval; waited++) {
          await sleep(1000, signal);
          this.tick();
        }
      } while (this.timeout > 0);
    } catch {
      // The page is closed.
    }
  }

  private update(idle: Idle | null | undefined): void {
    this.timeout = idle?.timeout ?? 0;
    this.ends = Date.now() + 1000 * (idle?.left ?? 0);
    this.tick();
  }

  private tick(): void {
    const left = Math.max(0, Math.round((this.ends - Date.now()) / 1000));
    this.left = this.timeout > 0 && left <= Math.min(WARNING, this.timeout / 2) ? left : null;
  }
}
