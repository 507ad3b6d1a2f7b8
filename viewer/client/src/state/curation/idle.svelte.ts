/** A viewer that nobody uses ends by itself, where its operator wants that: the page says so in time, and when it is used. */
import type { CurationApi } from '../../api/curation';
import type { Idle } from '../../api/curationTypes';
import { sleep } from '../../api/sleep';

/** Seconds before the end when the user is told. */
const WARNING = 300;
/** Of the time-out: how often the page says that it is used, and asks. */
const SHARE = 0.1;
const SHORTEST = 1;
const LONGEST = 60;

export class IdleEnd {
  /** Seconds left; null where there is no end, or it is far. */
  left = $state<number | null>(null);
  private timeout = 0;
  private ends = 0;
  private told = 0;
  private readonly controller = new AbortController();

  constructor(
    private readonly api: CurationApi,
    /** How the server is. */
    private readonly look: (signal: AbortSignal) => Promise<{ readonly idle?: Idle }>,
  ) {}

  /** Follow the time that is left. */
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

  /** The user does something that may ask nothing of the server. */
  private async use(): Promise<void> {
    if (!this.timeout || this.left !== null) return;
    const now = Date.now();
    if (now - this.told < 1000 * this.rest) return;
    this.told = now;
    await this.stayOpen().catch(() => {});
  }

  async stayOpen(): Promise<void> {
    this.learn((await this.api.stayOpen()).idle);
  }

  private get rest(): number {
    return Math.min(LONGEST, Math.max(SHORTEST, this.timeout * SHARE));
  }

  private async follow(): Promise<void> {
    const { signal } = this.controller;
    try {
      do {
        try {
          this.learn((await this.look(signal)).idle);
        } catch {
          // What the server does not answer is told of elsewhere; the clock goes on.
        }
        for (let waited = 0; waited < this.rest; waited++) {
          await sleep(1000, signal);
          this.tick();
        }
      } while (this.timeout > 0);
    } catch {
      // The page goes away.
    }
  }

  private learn(idle: Idle | null | undefined): void {
    this.timeout = idle?.timeout ?? 0;
    this.ends = Date.now() + 1000 * (idle?.left ?? 0);
    this.tick();
  }

  private tick(): void {
    const left = Math.max(0, Math.round((this.ends - Date.now()) / 1000));
    this.left = this.timeout > 0 && left <= Math.min(WARNING, this.timeout / 2) ? left : null;
  }
}
