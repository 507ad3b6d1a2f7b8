/** The queue of changes to be saved. They are sent one after the other, and again after a lost connection. */
import type { MergeConflict, Resolve } from '../../api/contract';
import { type ApiError, asApiError } from '../../api/error';

export interface Write {
  /** The id of the changed item. If a write is refused, the later writes of the same item are dropped. */
  readonly about: string;
  /** A description of the change. */
  readonly what: string;
  /** Resolves once the change is saved. Called again after a temporary failure. */
  readonly send: (attempt: number) => Promise<void>;
  /** Show the state of the server, after the write was dropped. */
  readonly revert: () => Promise<void>;
  /** Prepare to overwrite the current version after a conflict. */
  readonly rebase: (current: unknown) => void;
  /** Whether the current version can be overwritten. */
  readonly canRebase: (current: unknown) => boolean;
  /** Send the change with the choices of a conflict; returns false if nothing is left to be sent. */
  readonly resolve?: (resolution: Resolve) => boolean;
}

/** The same item was changed elsewhere: the user chooses which version to keep. */
export interface Conflict {
  readonly what: string;
  readonly about: string;
  readonly current: unknown;
  readonly yours: unknown;
  /** Whether the user can keep the own version. */
  readonly canOverwrite: boolean;
  /** What cannot be merged, if the rest can be. */
  readonly parts: readonly MergeConflict[];
}

/** A change that the server refused. */
export interface Refusal {
  readonly what: string;
  readonly error: ApiError;
  /** The number of later changes that were dropped with it. */
  readonly others: number;
}

/** The version to keep, or the keys of the parts of a conflict in which it is the own one. */
export type Choice = 'mine' | 'theirs' | readonly string[];

/** Milliseconds before the first repetition, and the limit. */
const FIRST_DELAY = 1000;
const LONGEST_DELAY = 15_000;

export class Saving {
  /** The number of unsaved changes. */
  waiting = $state(0);
  /** The temporary error that delays them. */
  problem = $state.raw<ApiError | null>(null);
  conflict = $state.raw<Conflict | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  /** The description of the last saved change. */
  last = $state<string | null>(null);
  private queue: Write[] = [];
  private running = false;
  private wake: (() => void) | null = null;
  private decide: ((choice: Choice) => void) | null = null;
  private idle: (() => void)[] = [];

  get state(): 'nothing' | 'saving' | 'saved' | 'stuck' | 'refused' {
    if (this.problem || this.conflict) return 'stuck';
    if (this.waiting > 0) return 'saving';
    if (this.refusal) return 'refused';
    return this.last === null ? 'nothing' : 'saved';
  }

  /** Whether changes are not saved, and last as long as the page. */
  disabled = false;

  add(write: Write): void {
    if (this.disabled) return;
    this.queue.push(write);
    this.waiting = this.queue.length;
    this.refusal = null;
    void this.run();
  }

  /** Repeat the failed request now. */
  retry(): void {
    this.wake?.();
  }

  /** Resolve the conflict. */
  settle(choice: Choice): void {
    this.decide?.(choice);
  }

  /** Return whether an item has unsaved changes. */
  isPending(about: string): boolean {
    return this.queue.some((write) => write.about === about);
  }

  /** Resolve once every change is saved or dropped. */
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
        if (isTemporary(error)) {
          this.problem = error;
          await this.sleep(Math.min(FIRST_DELAY * 1.6 ** (attempt - 1), LONGEST_DELAY));
          attempt++;
          continue;
        }
        this.problem = null;
        attempt = 1;
        const contested = error.status === 412 && error.body.current !== undefined;
        if (contested && this.overwrite(write, error, await this.ask(write, error))) continue;
        await this.drop(write, contested ? null : error);
      }
    }
    this.running = false;
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private take(): void {
    this.queue.shift();
    this.waiting = this.queue.length;
  }

  /** Prepare to send a write again after a conflict. Returns false if it is dropped. */
  private overwrite(write: Write, error: ApiError, choice: Choice): boolean {
    if (choice === 'theirs') return false;
    if (choice === 'mine') {
      write.rebase(error.body.current);
      return true;
    }
    return write.resolve?.({ revision: error.body.revision as number, mine: choice }) ?? false;
  }

  private async ask(write: Write, error: ApiError): Promise<Choice> {
    const choice = await new Promise<Choice>((resolve) => {
      this.decide = resolve;
      const { current, yours } = error.body;
      this.conflict = {
        what: write.what,
        about: write.about,
        current,
        yours,
        canOverwrite: write.canRebase(current),
        parts: write.resolve ? ((error.body.conflicts as readonly MergeConflict[] | undefined) ?? []) : [],
      };
    });
    this.decide = null;
    this.conflict = null;
    return choice;
  }

  /** Drop a write and the later ones of the same item: refused (with the error), or by the user's choice (null). */
  private async drop(write: Write, error: ApiError | null): Promise<void> {
    const lost = this.queue.filter((other) => other.about === write.about);
    if (error) this.refusal = { what: write.what, error, others: lost.length - 1 };
    while (true) {
      try {
        await write.revert();
        break;
      } catch (reason) {
        this.problem = asApiError(reason);
        await this.sleep(LONGEST_DELAY);
      }
    }
    this.problem = null;
    this.queue = this.queue.filter((other) => other.about !== write.about);
    this.waiting = this.queue.length;
  }

  /** Wait for some time, for `retry`, or until the browser is online again. */
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

/** Return whether the same request may succeed later: after a lost connection, an error of a proxy, a full disk. */
export function isTemporary(error: ApiError): boolean {
  if (error.code === 'unreachable' || error.code === 'not_starcyte' || error.status >= 500) return true;
  // An error in another format is that of a proxy.
  return error.code.startsWith('http_') && error.status !== 413;
}
