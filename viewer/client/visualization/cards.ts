/** What the page shows before, between and after sessions: one card, with a heading that takes the focus. */

import logo from '../src/icon.svg?inline';
import { count } from '../src/ui/format';
import { ICONS, type Maker } from './dom';
import { optionsForm } from './form';
import type { Dataset } from './galaxy';
import type { Problem } from './problem';
import type { Left, Progress, Step } from './session';
import type { Session, Survey } from './survey';
import { ago, shapeIn, size } from './words';

/** What a user can ask for. */
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
  return m.make(
    'main',
    { className: 'card quiet' },
    m.make('p', { className: 'busy' }, 'Asking Galaxy about the dataset…'),
  );
}

export function readyCard(m: Maker, found: Survey, actions: Actions, now: Date): HTMLElement {
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

/** What a start means for the dataset, the history and the server. */
function promise({ own, history, dataset }: Survey): string {
  const place =
    own && history.id === dataset.history_id ? `the history “${history.name}”` : `your history “${history.name}”`;
  const whose = own ? '' : 'The dataset stays in the history of its owner, and is not copied. ';
  return `${whose}The dataset is opened where it is and never changed. What you save goes into ${place}. A session runs on the server until you stop it.`;
}

function facts(m: Maker, { dataset }: Survey): HTMLElement {
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
    const state = STATES[session.state] ?? 'Waiting for a place';
    const began = `${state}, started ${ago(session.began, now)}`;
    return m.make(
      'li',
      {},
      m.make('span', { className: `dot ${session.state}`, attributes: { 'aria-hidden': 'true' } }),
      m.make('span', { className: 'grow', title: session.began.toLocaleString() }, began),
      m.button('Open', () => actions.open(session.job, 'here'), 'primary'),
      m.button('New tab', () => actions.open(session.job, 'tab'), 'plain', 'Open it in a new browser tab'),
      m.button('Stop', () => actions.stop(session.job), 'danger'),
    );
  });
  const heading =
    sessions.length === 1 ? 'A session of this dataset is running' : 'Sessions of this dataset are running';
  return m.make('section', {}, m.make('h2', {}, heading), m.make('ul', { className: 'sessions' }, ...rows));
}

const STEPS: [Step, string, string][] = [
  ['queued', 'Waiting for a place', 'Galaxy has the job and looks for a machine to run it.'],
  ['running', 'Starting', 'The job runs, and starcyte is being started.'],
  ['opening', 'Opening', 'starcyte is running; its page is on the way.'],
];

/** How far a session is, to be read aloud. */
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
  const { log, link, again } = problem.more;
  return card(
    m,
    problem.title,
    m.make('p', {}, problem.message),
    log ? m.make('pre', { tabIndex: 0, attributes: { 'aria-label': 'What the job said' } }, log) : null,
    m.make('p', { className: 'hint' }, problem.hint),
    again || link
      ? m.make(
          'div',
          { className: 'row' },
          again ? m.button('Try again', () => actions.again(), 'primary') : null,
          link ? linkButton(m, link.label, address(link.path), !again) : null,
        )
      : null,
  );
}

function linkButton(m: Maker, label: string, href: string, first: boolean): HTMLAnchorElement {
  const link = m.link(label, href);
  link.className = first ? 'button primary' : 'button';
  return link;
}

export function leftCard(
  m: Maker,
  dataset: Dataset,
  left: Left,
  history: string,
  address: (path: string) => string,
  actions: Actions,
): HTMLElement {
  const page = (id: string) => address(`datasets/${id}/preview`);
  const files = left.files.map((file) =>
    m.make(
      'li',
      {},
      m.icon(ICONS.file),
      m.link(file.name, page(file.id)),
      file.size ? m.make('span', { className: 'soft' }, size(file.size)) : null,
    ),
  );
  const kept = files.length
    ? [
        m.make('p', {}, `What was saved in it is in the history “${history}”:`),
        m.make('ul', { className: 'files' }, ...files),
      ]
    : [m.make('p', {}, 'Nothing was saved in it.')];
  const report = left.report ? m.make('p', {}, m.link('Session report', page(left.report))) : null;
  return card(
    m,
    'The session has ended',
    m.make('p', { className: 'soft' }, dataset.name),
    ...kept,
    report,
    m.make(
      'div',
      { className: 'row' },
      m.button('Look at the cells again', () => actions.again(), 'primary'),
    ),
  );
}

export function endingCard(m: Maker, dataset: Dataset): HTMLElement {
  return card(
    m,
    dataset.name,
    m.make('p', { className: 'busy' }, 'Ending the session, and putting what was saved into the history…'),
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
    labelled('back', 'Sessions', actions.back, 'plain', 'Back to the list of sessions; this one goes on'),
    m.make('p', { title: history }, `What you save goes into “${history}”`),
    labelled('tab', 'New tab', actions.tab, 'plain', 'Show this session in a browser tab of its own'),
    labelled('stop', 'Stop', actions.stop, 'danger', 'End this session'),
  );
}

/** Ask before a session is ended, and say what becomes of what was made. */
export function confirmStop(m: Maker, history: string, act: () => void): HTMLDialogElement {
  const dialog = m.make('dialog', { attributes: { 'aria-labelledby': 'stop-heading' } });
  const close = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  dialog.append(
    m.make('h2', { id: 'stop-heading' }, 'Stop this session?'),
    m.make(
      'p',
      {},
      `Labels, gene sets, tables and figures that were saved in it are kept: they go into the history “${history}”, beside the session report. What was only on the screen, such as a selection, is gone. The dataset stays as it is.`,
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
