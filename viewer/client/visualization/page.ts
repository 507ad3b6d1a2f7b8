/** The page of the visualization: its states and the actions of its buttons. */

import type { Actions } from './cards';
import {
  confirmStop,
  endingCard,
  loadingCard,
  lostCard,
  outputsCard,
  problemCard,
  progressCard,
  readyCard,
  sessionBar,
  spoken,
} from './cards';
import { Maker } from './dom';
import { ALIVE, type Galaxy, type Upload } from './galaxy';
import { filesOf } from './lost';
import type { Memory } from './memory';
import { inputsOf } from './options';
import { type Overview, readOverview } from './overview';
import { asProblem } from './problem';
import { type Clock, end, endOf, follow, type Open, outputsOf, type Progress, type SessionOutputs } from './session';

/** The interval of requests for the state of an open session, which may end at any time. */
const POLL_MS = 5000;
const LEAVE = 'You can leave this page: the job continues, and the session is listed under Visualize.';

export interface Surroundings {
  galaxy: Galaxy;
  dataset: string;
  tool: string;
  /** The path of Galaxy's page that contains this one, below Galaxy's root. */
  here: string;
  memory: Memory;
  clock: Clock;
  /** Open an empty browser tab; null if the browser refuses. */
  newTab(): Window | null;
}

export class Page {
  readonly #m: Maker;
  readonly #content: HTMLElement;
  /** The live region for screen readers; it must exist before its text changes. */
  readonly #aloud: HTMLElement;
  /** Set before the first page with buttons is shown. */
  #found!: Overview;
  /** Aborts the current action when another one starts. */
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

  /** Show the session that this tab had open, or else the overview. */
  load(focus = true): Promise<void> {
    return this.#do((signal) => this.#overview(signal, focus));
  }

  readonly #actions: Actions = {
    start: (where) => {
      // browsers open a tab only during a click, long before the session is ready
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
    const found = await readOverview(galaxy, this.around.dataset, this.around.tool, this.around.here);
    signal.throwIfAborted();
    this.#found = found;
    const remembered = memory.get(found.dataset.id);
    if (remembered && found.sessions.some((s) => s.job === remembered.job)) {
      await this.#follow(remembered.job, null, signal);
      return;
    }
    if (remembered?.target && (await this.#lost(remembered.target, signal))) return;
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

  /** Wait until a session is reachable, and show it here or in a tab. */
  async #follow(job: string, tab: Window | null, signal: AbortSignal): Promise<void> {
    const { galaxy, memory, clock } = this.around;
    const { dataset } = this.#found;
    if (!tab) memory.set(dataset.id, { job });
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
    memory.set(dataset.id, { job, target: open.target });
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
      await clock.sleep(POLL_MS, signal);
      // while Galaxy does not answer, the session is assumed to be running
      state = await galaxy.job(job).then(
        (found) => found.state,
        () => 'running',
      );
    } while (ALIVE.has(state));
    if (state === 'error' && (await this.#lost(open.target, signal))) return;
    await this.#ending(job, signal);
  }

  /** Show the rescue of a session that runs without a job, and return whether there is one at the address. */
  async #lost(target: string, signal: AbortSignal): Promise<boolean> {
    const files = await filesOf(this.around.galaxy, target);
    signal.throwIfAborted();
    if (!files) return false;
    const { dataset, history } = this.#found;
    const card = lostCard(this.#m, dataset, files, history.name, {
      add: () => void this.#do((now) => this.#add(files, now)),
      tab: () => leadTo(this.around.newTab(), target),
      leave: () => {
        this.around.memory.forget(dataset.id);
        void this.load();
      },
    });
    this.#show(card);
    return true;
  }

  /** Add the files of a lost session to the history. */
  async #add(files: Upload[], signal: AbortSignal): Promise<void> {
    const { galaxy, memory } = this.around;
    const { dataset, history } = this.#found;
    this.#show(endingCard(this.#m, dataset));
    const made = await galaxy.upload(history.id, files);
    signal.throwIfAborted();
    memory.forget(dataset.id);
    const outputs = { files: made.map(({ id, name }) => ({ id, name, size: null })), killed: false };
    this.#showOutputs('The saved files were added to the history', outputs);
  }

  #showOutputs(heading: string, outputs: SessionOutputs): void {
    const { galaxy } = this.around;
    const { dataset, history } = this.#found;
    const address = (path: string) => galaxy.address(path);
    this.#show(outputsCard(this.#m, heading, dataset, outputs, history.name, address, this.#actions));
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

  /** Wait for the end of a session, and show its outputs. */
  async #ending(id: string, signal: AbortSignal): Promise<void> {
    const { galaxy, clock, memory } = this.around;
    const { dataset, history } = this.#found;
    signal.throwIfAborted();
    memory.forget(dataset.id);
    this.#show(endingCard(this.#m, dataset));
    const job = await endOf(galaxy, id, clock, signal);
    if (job.state === 'ok') {
      const made = await outputsOf(galaxy, job);
      signal.throwIfAborted();
      if (made.report && !made.files.length && !made.killed) {
        // the report of a session without a result only fills the history
        const removed = await galaxy.remove(job.history_id ?? history.id, made.report).catch(() => null);
        if (removed) delete made.report;
      }
      this.#showOutputs('The session has ended', made);
    } else if (job.state === 'deleted') {
      await this.#overview(signal, true);
    } else {
      // throws the reason of the failure
      await follow(galaxy, id, clock, signal).next();
    }
  }

  /** Open a tab with a note that the session is being started. */
  #waitingTab(): Window | null {
    const tab = this.around.newTab();
    if (tab) {
      tab.document.title = 'starcyte';
      tab.document.body.textContent = 'starcyte is being started. The cells will appear in this tab.';
      tab.document.body.style.cssText = 'font: 15px/1.5 system-ui, sans-serif; margin: 3rem; color: #2c3143';
    }
    return tab;
  }

  #show(content: HTMLElement, focus = true): void {
    const held = this.document.activeElement?.textContent;
    this.#content.replaceChildren(content);
    // restore the focus to the button of the same text
    const button = [...content.querySelectorAll('button')].find((b) => b.textContent === held);
    (focus ? content.querySelector('h1') : button)?.focus({ preventScroll: true });
  }

  /** Run an action, which aborts the current one, and show its error. */
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

/** Open a session in a tab, without access to Galaxy's page. */
function leadTo(tab: Window | null, target: string): void {
  if (!tab || tab.closed) return;
  tab.opener = null;
  tab.location.replace(target);
}
