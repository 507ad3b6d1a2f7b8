/** The page: what is shown when, and what the buttons do. */

import type { Actions } from './cards';
import {
  confirmStop,
  endingCard,
  leftCard,
  loadingCard,
  problemCard,
  progressCard,
  readyCard,
  sessionBar,
  spoken,
} from './cards';
import { Maker } from './dom';
import { ALIVE, type Galaxy } from './galaxy';
import type { Memory } from './memory';
import { inputsOf } from './options';
import { asProblem } from './problem';
import { type Clock, end, endOf, follow, left, type Open, type Progress } from './session';
import { type Survey, survey } from './survey';

/** How often an open session is asked after: it may end by itself, or be ended elsewhere. */
const ASK_AFTER_MS = 5000;
const LEAVE = 'You can leave this page: the job goes on, and the session is found again under Visualize.';

export interface Surroundings {
  galaxy: Galaxy;
  dataset: string;
  tool: string;
  /** Galaxy's page that shows this one: a path below Galaxy's root. */
  here: string;
  memory: Memory;
  clock: Clock;
  /** Open an empty browser tab; null where the browser refuses. */
  newTab(): Window | null;
}

export class Page {
  readonly #m: Maker;
  readonly #content: HTMLElement;
  /** Says what is going on to whoever hears the page: such a place has to be there before its words are. */
  readonly #aloud: HTMLElement;
  /** Known once the first page was shown, and with it before any of its buttons is pressed. */
  #found!: Survey;
  /** Ends what is being done when the user asks for something else. */
  #doing = new AbortController();

  constructor(
    private readonly document: Document,
    private readonly around: Surroundings,
  ) {
    this.#m = new Maker(document);
    this.#content = this.#m.make('div', { className: 'content' });
    this.#aloud = this.#m.make('p', { className: 'aloud', attributes: { role: 'status' } });
    document.body.append(this.#content, this.#aloud);
  }

  /** Show the session that this tab was looking at, or else what can be started. */
  load(focus = true): Promise<void> {
    return this.#do((signal) => this.#overview(signal, focus));
  }

  readonly #actions: Actions = {
    start: (where) => {
      // a browser gives a tab to a click alone, long before the session is there
      const tab = where === 'tab' ? this.#waitingTab() : null;
      void this.#do((signal) => this.#start(signal, tab));
    },
    open: (job, where) => {
      const tab = where === 'tab' ? this.#waitingTab() : null;
      void this.#do((signal) => this.#follow(job, tab, signal));
    },
    stop: (job) => this.#askToStop(job),
    again: () => void this.load(),
  };

  async #overview(signal: AbortSignal, focus: boolean): Promise<void> {
    const { galaxy, memory } = this.around;
    this.#show(loadingCard(this.#m), false);
    const found = await survey(galaxy, this.around.dataset, this.around.tool, this.around.here);
    signal.throwIfAborted();
    this.#found = found;
    const remembered = memory.get(found.dataset.id);
    if (remembered && found.sessions.some((s) => s.job === remembered)) {
      await this.#follow(remembered, null, signal);
      return;
    }
    memory.forget(found.dataset.id);
    this.#show(readyCard(this.#m, found, this.#actions, new Date()), focus);
  }

  async #start(signal: AbortSignal, tab: Window | null): Promise<void> {
    const { dataset, tool, history, input, options } = this.#found;
    this.#show(progressCard(this.#m, dataset, { step: 'queued' }, '', null));
    let job: string;
    try {
      job = await this.around.galaxy.run(tool, history.id, inputsOf(input, dataset.id, options));
      signal.throwIfAborted();
    } catch (error) {
      tab?.close();
      throw error;
    }
    await this.#follow(job, tab, signal);
  }

  /** Follow a session until its page can be shown, and show it here or in a tab. */
  async #follow(job: string, tab: Window | null, signal: AbortSignal): Promise<void> {
    const { galaxy, memory, clock } = this.around;
    const { dataset } = this.#found;
    if (!tab) memory.set(dataset.id, job);
    const show = (progress: Progress, focus: boolean) => {
      this.#aloud.textContent = spoken(progress);
      const cancel = () => this.#stop(job);
      this.#show(progressCard(this.#m, dataset, progress, LEAVE, cancel), focus);
    };
    show({ step: 'queued' }, true);
    const steps = follow(galaxy, job, clock, signal);
    let open: Open;
    try {
      for (;;) {
        const { done, value } = await steps.next();
        signal.throwIfAborted();
        if (done) {
          open = value;
          break;
        }
        show(value, false);
      }
    } catch (error) {
      tab?.close();
      if (!signal.aborted) memory.forget(dataset.id);
      throw error;
    }
    if (tab) {
      leadTo(tab, open.target);
      await this.#overview(signal, true);
    } else {
      await this.#frame(job, open, signal);
    }
  }

  /** Show an open session in place, until it ends. */
  async #frame(job: string, open: Open, signal: AbortSignal): Promise<void> {
    const { memory, clock, galaxy } = this.around;
    const { dataset, history } = this.#found;
    const frame = this.#m.make('iframe', {
      src: open.target,
      title: `starcyte: ${dataset.name}`,
      className: 'session',
      attributes: { allow: 'clipboard-write; fullscreen' },
    });
    const bar = sessionBar(this.#m, history.name, {
      back: () => {
        memory.forget(dataset.id);
        void this.load();
      },
      tab: () => leadTo(this.around.newTab(), open.target),
      stop: () => this.#askToStop(job),
    });
    this.#show(this.#m.make('div', { className: 'open' }, bar, frame), false);
    let state: string;
    do {
      await clock.sleep(ASK_AFTER_MS, signal);
      // where Galaxy does not answer for a while, the session is still there
      state = await galaxy.job(job).then(
        (found) => found.state,
        () => 'running',
      );
    } while (ALIVE.has(state));
    await this.#ending(job, signal);
  }

  #askToStop(job: string): void {
    const dialog = confirmStop(this.#m, this.#found.history.name, () => this.#stop(job));
    this.#content.append(dialog);
    dialog.showModal();
  }

  #stop(job: string): void {
    void this.#do(async (signal) => {
      this.#show(endingCard(this.#m, this.#found.dataset));
      await end(this.around.galaxy, job);
      await this.#ending(job, signal);
    });
  }

  /** Wait for a session's end, and show what it left. */
  async #ending(id: string, signal: AbortSignal): Promise<void> {
    const { galaxy, clock, memory } = this.around;
    const { dataset, history } = this.#found;
    signal.throwIfAborted();
    memory.forget(dataset.id);
    this.#show(endingCard(this.#m, dataset));
    const job = await endOf(galaxy, id, clock, signal);
    if (job.state === 'ok') {
      const made = await left(galaxy, job);
      signal.throwIfAborted();
      this.#show(leftCard(this.#m, dataset, made, history.name, (path) => galaxy.address(path), this.#actions));
    } else if (job.state === 'deleted') {
      await this.#overview(signal, true);
    } else {
      // says why it failed
      await follow(galaxy, id, clock, signal).next();
    }
  }

  /** A tab that says what it waits for. */
  #waitingTab(): Window | null {
    const tab = this.around.newTab();
    if (tab) {
      tab.document.title = 'starcyte';
      tab.document.body.textContent = 'starcyte is being started. This tab shows the cells in a moment.';
      tab.document.body.style.cssText = 'font: 15px/1.5 system-ui, sans-serif; margin: 3rem; color: #2c3143';
    }
    return tab;
  }

  #show(content: HTMLElement, focus = true): void {
    const held = this.document.activeElement?.textContent;
    this.#content.replaceChildren(content);
    // what had the focus keeps it where it is shown anew
    const button = [...content.querySelectorAll('button')].find((b) => b.textContent === held);
    (focus ? content.querySelector('h1') : button)?.focus({ preventScroll: true });
  }

  /** Do something in place of what was being done, and show what went wrong with it. */
  async #do(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#doing.abort();
    this.#doing = new AbortController();
    const { signal } = this.#doing;
    try {
      await act(signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#show(problemCard(this.#m, asProblem(error), (path) => this.around.galaxy.address(path), this.#actions));
    }
  }
}

/** Lead a tab to a session, which must not reach back into Galaxy's page. */
function leadTo(tab: Window | null, target: string): void {
  if (!tab || tab.closed) return;
  tab.opener = null;
  tab.location.replace(target);
}
