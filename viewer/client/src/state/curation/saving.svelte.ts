/** What is on its way to the server's disk: one write after the other, none given up because a connection was lost. */
import { type ApiError, asApiError } from '../../api/error';

export interface Write {
  /** What it is about, so that a write refused takes those that build on it along. */
  readonly about: string;
  /** What the user did, in words. */
  readonly what: string;
  /** Resolves once the server has it on disk. Asked again after a failure that passes. */
  readonly send: (attempt: number) => Promise<void>;
  /** It will not be saved, nor what builds on it: show what the server has. */
  readonly giveUp: () => Promise<void>;
  /** Make it on top of what stands now, once the user wants that. */
  readonly onTopOf: (current: unknown) => void;
  /** Whether that is a choice. */
  readonly canGoOnTop: (current: unknown) => boolean;
}

/** Somebody else changed the same thing: the user says which of the two stands. */
export interface Conflict {
  readonly what: string;
  readonly about: string;
  readonly current: unknown;
  readonly yours: unknown;
  /** Whether "mine" is a choice. */
  readonly canOverwrite: boolean;
}

/** A change that the server would not take. */
export interface Refusal {
  readonly what: string;
  readonly error: ApiError;
  /** Changes that were lost with it. */
  readonly others: number;
}

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15_000;

export class Saving {
  /** Writes not yet on disk. */
  waiting = $state(0);
  /** Why they are not, where that is no matter of a moment. */
  problem = $state.raw<ApiError | null>(null);
  conflict = $state.raw<Conflict | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  /** What was saved last; null where nothing was. */
  last = $state<string | null>(null);
  private queue: Write[] = [];
  private running = false;
  private wake: (() => void) | null = null;
  private decide: ((choice: 'mine' | 'theirs') => void) | null = null;
  private idle: (() => void)[] = [];

  get state(): 'nothing' | 'saving' | 'saved' | 'stuck' | 'refused' {
    if (this.problem || this.conflict) return 'stuck';
    if (this.waiting > 0) return 'saving';
    if (this.refusal) return 'refused';
    return this.last === null ? 'nothing' : 'saved';
  }

  /** Whether nothing is to be saved: what is made lasts as long as the page. */
  off = false;

  add(write: Write): void {
    if (this.off) return;
    this.queue.push(write);
    this.waiting = this.queue.length;
    this.refusal = null;
    void this.run();
  }

  /** Try at once what could not be saved. */
  retry(): void {
    this.wake?.();
  }

  /** Say which of two versions stands. */
  settle(choice: 'mine' | 'theirs'): void {
    this.decide?.(choice);
  }

  /** Whether a write about something is on its way. */
  isPending(about: string): boolean {
    return this.queue.some((write) => write.about === about);
  }

  /** Resolves when nothing is on its way. */
  drained(): Promise<void> {
    if (this.queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    let attempt = 1;
    for (let write = this.queue[0]; write; write = this.queue[0]) {
      try {
        await write.send(attempt);
        this.problem = null;
        this.last = write.what;
        this.take();
        attempt = 1;
      } catch (reason) {
        const error = asApiError(reason);
        if (isPassing(error)) {
          this.problem = error;
          await this.sleep(Math.min(FIRST_PAUSE * 1.6 ** (attempt - 1), LONGEST_PAUSE));
          attempt++;
          continue;
        }
        this.problem = null;
        attempt = 1;
        const contested = error.status === 412 && error.body.current !== undefined;
        if (contested && (await this.ask(write, error)) === 'mine') {
          write.onTopOf(error.body.current);
          continue;
        }
        await this.lose(write, contested ? null : error);
      }
    }
    this.running = false;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private take(): void {
    this.queue.shift();
    this.waiting = this.queue.length;
  }

  private async ask(write: Write, error: ApiError): Promise<'mine' | 'theirs'> {
    const choice = await new Promise<'mine' | 'theirs'>((resolve) => {
      this.decide = resolve;
      const { current, yours } = error.body;
      this.conflict = {
        what: write.what,
        about: write.about,
        current,
        yours,
        canOverwrite: write.canGoOnTop(current),
      };
    });
    this.decide = null;
    this.conflict = null;
    return choice;
  }

  /** Give a write up with all that build on it: refused, or (without an error) by the user's choice. */
  private async lose(write: Write, error: ApiError | null): Promise<void> {
    const lost = this.queue.filter((other) => other.about === write.about);
    if (error) this.refusal = { what: write.what, error, others: lost.length - 1 };
    while (true) {
      try {
        await write.giveUp();
        break;
      } catch (reason) {
        this.problem = asApiError(reason);
        await this.sleep(LONGEST_PAUSE);
      }
    }
    this.problem = null;
    this.queue = this.queue.filter((other) => other.about !== write.about);
    this.waiting = this.queue.length;
  }

  /** Wait, unless the user or the browser's connection says that now is better. */
  private async sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
      globalThis.addEventListener?.('online', this.wake, { once: true });
    });
    if (this.wake) globalThis.removeEventListener?.('online', this.wake);
    this.wake = null;
  }
}

/** Whether the same request may go through later: a lost connection, a proxy that says so, a full disk. */
export function isPassing(error: ApiError): boolean {
  if (error.code === 'unreachable' || error.code === 'not_starcyte' || error.status >= 500) return true;
  // An answer that is not in our shape is a proxy's.
  return error.code.startsWith('http_') && error.status !== 413;
}
