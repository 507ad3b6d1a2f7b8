/** The cards that the page shows before and after a session. Their headings take the focus. */

import { ICONS, type Maker } from './dom';
import { optionsForm } from './form';
import { ago, count, shapeIn, size } from './format';
import type { Dataset, Upload } from './galaxy';
import logo from './logo.svg?inline';
import type { Overview, Session } from './overview';
import type { Problem } from './problem';
import type { Progress, SessionOutputs, Step } from './session';

/** The actions of the buttons. */
export interface Actions {
  start(where: 'here' | 'tab'): void;
  open(session: string, where: 'here' | 'tab'): void;
  stop(session: string): void;
  again(): void;
}

const STATES: Record<string, string> = { running: 'Running', paused: 'On hold' };

function card(m: Maker, heading: string, ...content: (Node | string | null)[]): HTMLElement {
  const brand = m.make('p', { className: 'brand' }, m.make('img', { src: logo, alt: '' }), 'starcyte');
  const title = m.make('h1', { tabIndex: -1 }, heading);
  return m.make('main', { className: 'card' }, brand, title, ...content);
}

export function loadingCard(m: Maker): HTMLElement {
  return m.make('main', { className: 'card quiet' }, m.make('p', { className: 'busy' }, 'Loading the dataset…'));
}

export function readyCard(m: Maker, found: Overview, actions: Actions, now: Date): HTMLElement {
  const { dataset, sessions } = found;
  const running = sessions.length > 0;
  const here = m.button(
    running ? 'Start another' : 'Start',
    () => actions.start('here'),
    running ? 'plain' : 'primary',
  );
  const tab = m.button('Start in a new tab', () => actions.start('tab'));
  return card(
    m,
    dataset.name,
    facts(m, found),
    running ? sessionList(m, sessions, actions, now) : null,
    m.make('div', { className: 'row' }, here, tab),
    found.options.length
      ? m.make('details', {}, m.make('summary', {}, 'Options'), optionsForm(m, found.options))
      : null,
    m.make('p', { className: 'note' }, promise(found)),
  );
}

/** Describe the effects of a start on the dataset, the history and the server. */
function promise({ own, history, dataset }: Overview): string {
  const place =
    own && history.id === dataset.history_id ? `the history “${history.name}”` : `your history “${history.name}”`;
  const whose = own ? '' : 'The dataset stays in the history of its owner and is not copied. ';
  return `${whose}The dataset is read in place and never changed. Files that you save are added to ${place}. A session runs on the server until you stop it.`;
}

function facts(m: Maker, { dataset }: Overview): HTMLElement {
  const known: [string, string][] = [];
  const shape = shapeIn(dataset.peek ?? '');
  if (shape) known.push(['Cells', count(shape.cells)], ['Genes', count(shape.genes)]);
  if (dataset.file_size) known.push(['Size', size(dataset.file_size)]);
  return m.make(
    'dl',
    { className: 'facts' },
    ...known.map(([term, value]) => m.make('div', {}, m.make('dt', {}, term), m.make('dd', {}, value))),
  );
}

function sessionList(m: Maker, sessions: readonly Session[], actions: Actions, now: Date): HTMLElement {
  const rows = sessions.map((session) => {
    const state = STATES[session.state] ?? 'Queued';
    const began = `${state}, started ${ago(session.began, now)}`;
    return m.make(
      'li',
      {},
      m.make('span', { className: `dot ${session.state}`, attributes: { 'aria-hidden': 'true' } }),
      m.make('span', { className: 'grow', title: session.began.toLocaleString() }, began),
      m.button('Open', () => actions.open(session.job, 'here'), 'primary'),
      m.button('New tab', () => actions.open(session.job, 'tab'), 'plain', 'Open in a new browser tab'),
      m.button('Stop', () => actions.stop(session.job), 'danger'),
    );
  });
  const heading =
    sessions.length === 1 ? 'A session of this dataset is running' : 'Sessions of this dataset are running';
  return m.make('section', {}, m.make('h2', {}, heading), m.make('ul', { className: 'sessions' }, ...rows));
}

const STEPS: [Step, string, string][] = [
  ['queued', 'Queued', 'The job is waiting for a machine.'],
  ['running', 'Starting', 'The job is running and starts starcyte.'],
  ['opening', 'Opening', 'starcyte is running. Its page is being loaded.'],
];

/** Return the progress of a session for screen readers. */
export function spoken({ step, note }: Progress): string {
  const [, name, what] = STEPS.find(([key]) => key === step)!;
  return `${name}. ${note ?? what}`;
}

export function progressCard(
  m: Maker,
  dataset: Dataset,
  progress: Progress,
  advice: string,
  cancel: (() => void) | null,
): HTMLElement {
  const at = STEPS.findIndex(([step]) => step === progress.step);
  const steps = STEPS.map(([, name, what], i) => {
    const state = i < at ? 'done' : i === at ? 'now' : 'later';
    const attributes: Record<string, string> = state === 'now' ? { 'aria-current': 'step' } : {};
    return m.make(
      'li',
      { className: state, attributes },
      m.make('span', { className: 'mark', attributes: { 'aria-hidden': 'true' } }),
      m.make(
        'span',
        {},
        m.make('strong', {}, name),
        state === 'now' ? m.make('span', { className: 'what' }, what) : null,
      ),
    );
  });
  return card(
    m,
    dataset.name,
    m.make('ol', { className: 'steps' }, ...steps),
    progress.note ? m.make('p', { className: 'alert' }, progress.note) : null,
    cancel ? m.make('div', { className: 'row' }, m.button('Cancel', cancel)) : null,
    advice ? m.make('p', { className: 'note' }, advice) : null,
  );
}

export function problemCard(
  m: Maker,
  problem: Problem,
  address: (path: string) => string,
  actions: Actions,
): HTMLElement {
  const { log, link, again, stop } = problem.more;
  return card(
    m,
    problem.title,
    m.make('p', {}, problem.message),
    log ? m.make('pre', { tabIndex: 0, attributes: { 'aria-label': 'Output of the job' } }, log) : null,
    m.make('p', { className: 'hint' }, problem.hint),
    again || link || stop
      ? m.make(
          'div',
          { className: 'row' },
          again ? m.button('Try again', () => actions.again(), 'primary') : null,
          link ? linkButton(m, link.label, address(link.path), !again) : null,
          stop
            ? m.button('Stop', () => actions.stop(stop), 'danger', 'Stop this session, which occupies the server')
            : null,
        )
      : null,
  );
}

function linkButton(m: Maker, label: string, href: string, first: boolean): HTMLAnchorElement {
  const link = m.link(label, href);
  link.className = first ? 'button primary' : 'button';
  return link;
}

export function outputsCard(
  m: Maker,
  heading: string,
  dataset: Dataset,
  outputs: SessionOutputs,
  history: string,
  address: (path: string) => string,
  actions: Actions,
): HTMLElement {
  const page = (id: string) => address(`datasets/${id}/preview`);
  const files = outputs.files.map((file) =>
    m.make(
      'li',
      {},
      m.icon(ICONS.file),
      m.link(file.name, page(file.id)),
      file.size ? m.make('span', { className: 'soft' }, size(file.size)) : null,
    ),
  );
  const saved = files.length
    ? [m.make('p', {}, `Saved files in the history “${history}”:`), m.make('ul', { className: 'files' }, ...files)]
    : [
        m.make(
          'p',
          {},
          outputs.report
            ? 'Nothing was saved.'
            : 'Nothing was saved, and the session report was deleted from the history.',
        ),
      ];
  const killed = outputs.killed
    ? m.make(
        'p',
        { className: 'alert' },
        'The session was killed by the server, usually for lack of memory. What was saved before is kept.',
      )
    : null;
  const report = outputs.report ? m.make('p', {}, m.link('Session report', page(outputs.report))) : null;
  return card(
    m,
    heading,
    m.make('p', { className: 'soft' }, dataset.name),
    killed,
    ...saved,
    report,
    m.make(
      'div',
      { className: 'row' },
      m.button('Start a new session', () => actions.again(), 'primary'),
    ),
  );
}

export interface LostActions {
  add(): void;
  tab(): void;
  leave(): void;
}

/** The rescue of a session that runs without a job of Galaxy. */
export function lostCard(
  m: Maker,
  dataset: Dataset,
  files: readonly Upload[],
  history: string,
  actions: LostActions,
): HTMLElement {
  const found = files.length
    ? [
        m.make('p', {}, 'Saved in the session, but not in the history yet:'),
        m.make('ul', { className: 'files' }, ...files.map((f) => m.make('li', {}, m.icon(ICONS.file), f.name))),
      ]
    : [m.make('p', {}, 'Nothing was saved in it.')];
  return card(
    m,
    'Galaxy has lost this session',
    m.make('p', { className: 'soft' }, dataset.name),
    m.make(
      'p',
      {},
      'Its job ended with an error, as when Galaxy is restarted, but the session is still running. What is saved in it from now on is not added to the history by itself.',
    ),
    ...found,
    m.make(
      'div',
      { className: 'row' },
      files.length ? m.button(`Add to the history “${history}”`, actions.add, 'primary') : null,
      m.button('Open in a new tab', actions.tab),
      m.button('Leave', actions.leave, 'plain', 'Show the start page of the dataset'),
    ),
    m.make(
      'p',
      { className: 'note' },
      'The session ends when it is not used for some hours, or by “Save and finish” on its page.',
    ),
  );
}

export function endingCard(m: Maker, dataset: Dataset): HTMLElement {
  return card(
    m,
    dataset.name,
    m.make('p', { className: 'busy' }, 'Stopping the session and adding the saved files to the history…'),
  );
}

export interface BarActions {
  back(): void;
  tab(): void;
  stop(): void;
}

/** The bar above an open session. */
export function sessionBar(m: Maker, history: string, actions: BarActions): HTMLElement {
  const labelled = (
    icon: keyof typeof ICONS,
    label: string,
    act: () => void,
    look: 'plain' | 'danger',
    title: string,
  ) => {
    const button = m.button('', act, look, title);
    button.append(m.icon(ICONS[icon]), label);
    return button;
  };
  return m.make(
    'header',
    { className: 'bar' },
    labelled('back', 'Sessions', actions.back, 'plain', 'Show the list of sessions; this one keeps running'),
    m.make('p', { title: history }, `Files are saved to “${history}”`),
    labelled('tab', 'New tab', actions.tab, 'plain', 'Show this session in a new browser tab'),
    labelled('stop', 'Stop', actions.stop, 'danger', 'Stop this session'),
  );
}

/** The dialog that asks before a session is stopped. */
export function confirmStop(m: Maker, history: string, act: () => void): HTMLDialogElement {
  const dialog = m.make('dialog', { attributes: { 'aria-labelledby': 'stop-heading' } });
  const close = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  dialog.append(
    m.make('h2', { id: 'stop-heading' }, 'Stop this session?'),
    m.make(
      'p',
      {},
      `Saved annotations, gene sets, tables and figures are added to the history “${history}” with the session report. Unsaved work such as a selection is lost. The dataset is not changed.`,
    ),
    m.make(
      'div',
      { className: 'row end' },
      m.button('Keep it running', close),
      m.button(
        'Stop',
        () => {
          close();
          act();
        },
        'danger',
      ),
    ),
  );
  return dialog;
}
