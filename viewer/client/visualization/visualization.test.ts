import { describe, expect, it } from 'vitest';
import recorded from './answers.json';
import { type FormInput, Galaxy } from './galaxy';
import { tabMemory } from './memory';
import { datasetInput, inputsOf, optionsOf } from './options';
import { Problem } from './problem';
import { type Clock, end, endOf, follow, left, type Progress } from './session';
import { sessionsOf, survey, utc } from './survey';
import { ago, shapeIn, size } from './words';

/** Answers of a Galaxy 26.1.2, recorded. */
type Name = keyof typeof recorded;
interface Answer {
  status: number;
  body: unknown;
}

const HOME = 'http://localhost:8080/';
const TOOL = 'interactive_tool_starcyte';
const DATASET = recorded.dataset.body.id;
const JOB = recorded.run.body.jobs[0]!.id;
const TARGET = recorded.entry_active.body[0]!.target;
const HEALTHY: Answer = { status: 200, body: { app: 'starcyte', state: 'ready' } };

/** A Galaxy that gives recorded answers; several for one request are given in turn, the last one for ever. */
class Fake {
  readonly asked: string[] = [];
  readonly sent: unknown[] = [];
  #routes: [RegExp, (Answer | Error)[]][] = [];

  on(request: RegExp, ...answers: (Name | Answer | Error)[]): this {
    this.#routes.unshift([request, answers.map((a) => (typeof a === 'string' ? recorded[a] : a))]);
    return this;
  }

  readonly galaxy = new Galaxy(HOME, HOME, async (url, init) => {
    const request = `${init.method ?? 'GET'} ${url.replace(HOME, '')}`;
    this.asked.push(request);
    if (typeof init.body === 'string') this.sent.push(JSON.parse(init.body));
    const [, answers] = this.#routes.find(([pattern]) => pattern.test(request)) ?? [];
    if (!answers) throw new Error(`nobody answers ${request}`);
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer instanceof Error) throw answer;
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    return new Response(body, { status: answer.status });
  });
}

/** A Galaxy with the dataset in a history of the user, the tool installed, and nothing running. */
function usual(): Fake {
  return new Fake()
    .on(/^GET api\/users\/current/, 'user')
    .on(/^GET api\/datasets\/\w+\?/, 'dataset')
    .on(/^GET api\/histories\//, 'history')
    .on(/^GET history\/current_history_json/, 'history_current')
    .on(/^GET api\/tools\/interactive_tool_starcyte$/, 'tool')
    .on(/^GET api\/tools\/interactive_tool_starcyte\/build/, 'form')
    .on(/^GET api\/configuration/, 'configuration')
    .on(/^GET api\/jobs\?/, { status: 200, body: [] })
    .on(/^GET api\/entry_points\?running/, { status: 200, body: [] });
}

function changed(name: Name, changes: object): Answer {
  const { status, body } = recorded[name];
  return { status, body: { ...body, ...changes } };
}

/** A clock that has slept as soon as it is asked to. */
class Still implements Clock {
  time = 0;
  now() {
    return this.time;
  }
  async sleep(milliseconds: number, signal: AbortSignal) {
    signal.throwIfAborted();
    this.time += milliseconds;
  }
}

const calm = new AbortController().signal;

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

/** Follow to the end: what was said on the way, and where the page is. */
async function followed(fake: Fake, clock = new Still()) {
  const steps = follow(fake.galaxy, JOB, clock, calm);
  const said: Progress[] = [];
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { said, open: value };
    said.push(value);
  }
}

describe('what is known before a start', () => {
  it('is the dataset, its history and the tool', async () => {
    const found = await survey(usual().galaxy, DATASET, TOOL);
    expect(found.dataset.name).toBe('PBMC 68k reduced');
    expect(found.history.name).toBe('Blood cells');
    expect(found).toMatchObject({ own: true, input: 'infile', sessions: [], options: [] });
  });

  it('never asks for the names of all cells', async () => {
    const fake = usual();
    await survey(fake.galaxy, DATASET, TOOL);
    expect(fake.asked.filter((a) => a.includes('api/datasets/'))).toEqual([
      `GET api/datasets/${DATASET}?view=summary&keys=uuid,file_size,peek`,
    ]);
  });

  it.each([
    ['that the user cannot read', 'history_refused' as const],
    ['of another user', changed('history', { user_id: 'somebody' })],
  ])('sends the job into the current history for a dataset in a history %s', async (_, history) => {
    const found = await survey(usual().on(/^GET api\/histories\//, history).galaxy, DATASET, TOOL);
    expect(found.own).toBe(false);
    expect(found.history.id).toBe(recorded.history_current.body.id);
  });

  it('sends the job into the current history where the own one is archived', async () => {
    const found = await survey(
      usual().on(/^GET api\/histories\//, changed('history', { archived: true })).galaxy,
      DATASET,
      TOOL,
    );
    expect(found.own).toBe(true);
    expect(found.history.id).toBe(recorded.history_current.body.id);
  });

  it('asks whoever is not logged in to do so', async () => {
    const fake = usual().on(/^GET api\/users\/current/, 'nobody');
    const problem = await problemOf(survey(fake.galaxy, DATASET, TOOL));
    expect(problem.title).toContain('Log in');
    expect(problem.more.link?.path).toBe('login/start');
    const from = await problemOf(survey(fake.galaxy, DATASET, TOOL, '/visualizations/display?a=1&b=2'));
    expect(from.more.link?.path).toBe('login/start?redirect=%2Fvisualizations%2Fdisplay%3Fa%3D1%26b%3D2');
    // nor is the private dataset's name told to somebody who may not see it
    fake.on(/^GET api\/datasets\//, 'dataset_refused');
    expect((await problemOf(survey(fake.galaxy, DATASET, TOOL))).title).toContain('Log in');
  });

  it('says that a dataset is not shared', async () => {
    const fake = usual().on(/^GET api\/datasets\//, 'dataset_refused');
    expect((await problemOf(survey(fake.galaxy, DATASET, TOOL))).hint).toContain('Ask its owner');
  });

  it.each([
    [{ deleted: true }, 'Undelete'],
    [{ deleted: true, purged: true }, 'gone for good'],
    [{ state: 'running' }, 'Wait'],
  ])('refuses a dataset that is %o', async (changes, hint) => {
    const fake = usual().on(/^GET api\/datasets\//, changed('dataset', changes));
    expect((await problemOf(survey(fake.galaxy, DATASET, TOOL))).hint).toContain(hint);
  });

  it('tells an administrator what to do about a missing tool, and a user whom to ask', async () => {
    const fake = usual().on(/^GET api\/tools\/interactive_tool_starcyte$/, 'tool_absent');
    const admin = await problemOf(survey(fake.galaxy, DATASET, TOOL));
    expect(admin.hint).toContain('tool_config_file');
    fake.on(/^GET api\/configuration/, changed('configuration', { interactivetools_enable: false }));
    expect((await problemOf(survey(fake.galaxy, DATASET, TOOL))).hint).toContain('interactivetools_enable: true');
    fake.on(/^GET api\/users\/current/, changed('user', { is_admin: false }));
    expect((await problemOf(survey(fake.galaxy, DATASET, TOOL))).hint).toContain('Ask the administrator');
  });

  it('does without the form where Galaxy refuses it', async () => {
    const fake = usual().on(/\/build/, { status: 500, body: { err_msg: 'no' } });
    expect(await survey(fake.galaxy, DATASET, TOOL)).toMatchObject({ input: 'infile', options: [] });
  });
});

describe('sessions that run already', () => {
  const { body } = recorded.dataset;
  const shed = (version: string) => `toolshed.example.org/repos/someone/starcyte/${TOOL}/${version}`;
  const running = (changes: object) =>
    usual()
      .on(/^GET api\/jobs\?/, 'jobs')
      .on(/^GET api\/jobs\/\w+\?full/, changed('job_running', changes));

  it('are those of this dataset', async () => {
    const sessions = await sessionsOf(running({}).galaxy, body, recorded.tool.body);
    expect(sessions).toEqual([{ job: JOB, state: 'running', began: new Date('2026-11-23T00:20:44.324951Z') }]);
  });

  it('are those of a copy of this dataset, which has the same uuid', async () => {
    const inputs = { infile: { id: 'a copy', src: 'hda', uuid: body.uuid } };
    expect(await sessionsOf(running({ inputs }).galaxy, body, recorded.tool.body)).toHaveLength(1);
  });

  it('are not those of another dataset, nor jobs of another tool', async () => {
    const inputs = { infile: { id: 'another', src: 'hda', uuid: 'another' } };
    expect(await sessionsOf(running({ inputs }).galaxy, body, recorded.tool.body)).toEqual([]);
    expect(await sessionsOf(running({ tool_id: 'another' }).galaxy, body, recorded.tool.body)).toEqual([]);
  });

  it('are those of another version of a tool from a ToolShed, found by their entry points', async () => {
    const fake = running({ tool_id: shed('0.1.0') })
      .on(/^GET api\/jobs\?/, { status: 200, body: [] })
      .on(/^GET api\/entry_points\?running/, 'entries_running');
    const tool = { ...recorded.tool.body, id: shed('0.2.0') };
    expect(await sessionsOf(fake.galaxy, body, tool)).toHaveLength(1);
  });

  it('are asked for by all states in which a job has not ended', async () => {
    const fake = running({});
    await sessionsOf(fake.galaxy, body, recorded.tool.body);
    const states = new URLSearchParams(fake.asked.find((a) => a.includes('jobs?'))!.split('?')[1]).getAll('state');
    expect(states).toEqual(expect.arrayContaining(['new', 'queued', 'running', 'paused']));
    expect(states).not.toContain('ok');
  });
});

describe('a start', () => {
  it('sends the dataset and the options, and returns the job', async () => {
    const fake = usual().on(/^POST api\/tools$/, 'run');
    const inputs = inputsOf('infile', DATASET, []);
    expect(await fake.galaxy.run(recorded.tool.body, 'h', inputs)).toBe(JOB);
    expect(fake.sent).toEqual([
      {
        tool_id: TOOL,
        tool_version: recorded.tool.body.version,
        history_id: 'h',
        inputs: { infile: { src: 'hda', id: DATASET } },
      },
    ]);
  });

  it.each([
    ['run_bad' as const, 'unable to decode'],
    ['run_nobody' as const, 'session required'],
    [{ status: 200, body: { jobs: [], errors: [{ message: 'no such column' }] } }, 'no such column'],
    [{ status: 502, body: '<html>Bad Gateway</html>' }, 'Galaxy answered 502'],
    [new TypeError('Failed to fetch'), 'Galaxy does not answer'],
  ])('that fails says what Galaxy said: %o', async (answer, message) => {
    const fake = usual().on(/^POST api\/tools$/, answer);
    await expect(fake.galaxy.run(recorded.tool.body, 'h', {})).rejects.toThrow(message);
  });
});

describe('following a job', () => {
  const waiting = () => usual().on(/^GET api\/entry_points\?job_id/, 'entry_new');

  it('goes from the queue to the page, and waits for starcyte itself', async () => {
    const inactive = { status: 200, body: [{ ...recorded.entry_active.body[0], active: false, target: undefined }] };
    const fake = waiting()
      .on(/^GET api\/jobs\//, 'job_new', changed('job_new', { state: 'queued' }), 'job_running')
      .on(/^GET api\/entry_points\?job_id/, inactive, 'entry_active')
      .on(
        /health/,
        { status: 502, body: 'Proxy target missing' },
        { status: 200, body: '<html>nginx</html>' },
        HEALTHY,
      );
    const { said, open } = await followed(fake);
    expect(said.map((p) => p.step)).toEqual(['queued', 'running', 'opening']);
    expect(open).toEqual({ target: TARGET, entryPoint: recorded.entry_active.body[0]!.id });
    expect(fake.asked.filter((a) => a.includes('health'))).toHaveLength(3);
  });

  it('finds a page that Galaxy names by its path alone', async () => {
    const path = '/interactivetool/ep/1/2/';
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, { status: 200, body: [{ ...recorded.entry_active.body[0], target: path }] })
      .on(/health/, HEALTHY);
    expect((await followed(fake)).open.target).toBe('http://localhost:8080/interactivetool/ep/1/2/');
  });

  it('shows a page on a host of its own that lets nobody look at it', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/health/, new TypeError('CORS'), { status: 200, body: '' });
    expect((await followed(fake)).open.target).toBe(TARGET);
  });

  it('gives up where something else answers for good', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/health/, { status: 404, body: '<html>nginx</html>' });
    const clock = new Still();
    const problem = await problemOf(followed(fake, clock));
    expect(problem.hint).toContain('gx-it-proxy');
    expect(clock.time).toBeGreaterThan(40_000);
  });

  it('says why a job failed, with the way to an error report', async () => {
    const problem = await problemOf(followed(usual().on(/^GET api\/jobs\//, 'job_error')));
    expect(problem.more.log).toBe(recorded.job_error.body.tool_stderr.trim());
    expect(problem.more.link?.path).toBe(`datasets/${recorded.job_error.body.outputs.report.id}/error`);
    expect(problem.more.again).toBe(true);
  });

  it('takes the reason from the history where the job has written none', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, changed('job_error', { tool_stderr: '', stderr: '' }))
      .on(/^GET api\/datasets\//, 'note_error');
    expect((await problemOf(followed(fake))).more.log).toBe(recorded.note_error.body.misc_info);
  });

  it.each([
    ['job_deleted' as const, 'was cancelled'],
    ['job_ok' as const, 'has ended'],
    [changed('job_new', { state: 'paused' }), 'on hold'],
  ])('ends with %o', async (answer, title) => {
    expect((await problemOf(followed(usual().on(/^GET api\/jobs\//, answer)))).title).toContain(title);
  });

  it('outlasts a restart of Galaxy, and not its end', async () => {
    const fake = waiting()
      .on(/^GET api\/jobs\//, 'job_new', new TypeError('refused'), { status: 503, body: 'starting' }, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/health/, HEALTHY);
    const { said } = await followed(fake);
    expect(said.map((p) => p.note)).toContain('Galaxy does not answer; trying again.');
    await expect(followed(waiting().on(/^GET api\/jobs\//, new TypeError('refused')))).rejects.toThrow(
      'does not answer',
    );
  });

  it('calls a long wait one, and asks less often', async () => {
    const clock = new Still();
    const steps = follow(waiting().on(/^GET api\/jobs\//, 'job_new').galaxy, JOB, clock, calm);
    expect((await steps.next()).value).toEqual({ step: 'queued' });
    expect((await steps.next()).value).toMatchObject({ step: 'queued', note: expect.stringContaining('busy') });
    expect(clock.time).toBeGreaterThanOrEqual(60_000);
  });

  it('ends when its page is gone', async () => {
    const gone = new AbortController();
    const steps = follow(waiting().on(/^GET api\/jobs\//, 'job_new').galaxy, JOB, new Still(), gone.signal);
    await steps.next();
    gone.abort();
    await expect(steps.next()).rejects.toThrow(/abort/i);
  });
});

describe('the end of a session', () => {
  it('stops a running one by its entry point, which keeps what was saved', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/^DELETE/, { status: 200, body: null });
    await end(fake.galaxy, JOB);
    expect(fake.asked.at(-1)).toBe(`DELETE api/entry_points/${recorded.entry_active.body[0]!.id}`);
  });

  it('gives up one that waits, and leaves alone one that has ended', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_new')
      .on(/^GET api\/entry_points\?job_id/, 'entry_new')
      .on(/^DELETE/, { status: 200, body: true });
    await end(fake.galaxy, JOB);
    expect(fake.asked.at(-1)).toBe(`DELETE api/jobs/${JOB}`);
    const ended = usual().on(/^GET api\/jobs\//, 'job_ok');
    await end(ended.galaxy, JOB);
    expect(ended.asked).toHaveLength(1);
  });

  it('is waited for, but not for ever', async () => {
    const fake = usual().on(/^GET api\/jobs\//, 'job_stopping', 'job_stopping', 'job_ok');
    expect((await endOf(fake.galaxy, JOB, new Still(), calm)).state).toBe('ok');
    const stuck = usual().on(/^GET api\/jobs\//, 'job_stopping');
    expect((await problemOf(endOf(stuck.galaxy, JOB, new Still(), calm))).hint).toContain('history');
  });

  it('leaves the files of its collection and the report', async () => {
    const fake = usual().on(/^GET api\/dataset_collections\//, 'collection');
    const { files, report } = await left(fake.galaxy, recorded.job_ok.body);
    expect(files.map((f) => [f.name, f.size])).toEqual([
      ['cell types.csv', 20],
      ['umap.png', 8],
    ]);
    expect(report).toBe(recorded.job_ok.body.outputs.report.id);
  });
});

describe('the options', () => {
  const select: FormInput = {
    name: 'color_by',
    type: 'select',
    label: 'Colour cells by',
    help: 'A column of <b>obs</b> &amp; no gene',
    optional: true,
    value: null,
    options: [
      ['<i>louvain</i>', 'louvain', false],
      ['phase', 'phase', false],
    ],
  };
  const form: FormInput[] = [
    ...recorded.form.body.inputs,
    select,
    { name: 'read_only', type: 'boolean', label: 'Read only', value: 'false' },
    {
      name: 'advanced',
      type: 'section',
      inputs: [{ name: 'idle', type: 'integer', label: 'Stop after', value: 60, min: 1, max: 600 }],
    },
    { name: 'options', type: 'section', inputs: [{ ...select, name: 'mode', optional: false }] },
    { name: 'secret', type: 'text', hidden: true, value: 'x' },
    { name: 'mode', type: 'conditional' },
    {
      name: 'index',
      type: 'data',
      optional: true,
      extensions: ['starcyte_index'],
      options: { hda: [{ id: 'abc', hid: 7, name: 'Index' }] },
    },
  ];

  it('are what the tool has beside its dataset, with help as text', () => {
    expect(datasetInput(form)).toBe('infile');
    expect(optionsOf(form).map((o) => [o.name, o.kind])).toEqual([
      ['color_by', 'choice'],
      ['read_only', 'switch'],
      ['advanced|idle', 'number'],
      ['index', 'dataset'],
    ]);
    expect(optionsOf([select])[0]).toMatchObject({ help: 'A column of obs & no gene', value: '' });
  });

  it('are sent as Galaxy takes them, and left out where nothing was chosen', () => {
    const options = optionsOf(form);
    expect(inputsOf('infile', 'd', options)).toEqual({
      infile: { src: 'hda', id: 'd' },
      read_only: false,
      'advanced|idle': '60',
    });
    for (const option of options) {
      if (option.kind === 'choice') option.value = 'phase';
      if (option.kind === 'dataset') option.value = 'abc';
    }
    expect(inputsOf('infile', 'd', options)).toMatchObject({ color_by: 'phase', index: { src: 'hda', id: 'abc' } });
  });

  it('ask for the values of this dataset', async () => {
    const fake = usual();
    await survey(fake.galaxy, DATASET, TOOL);
    const asked = fake.asked.filter((a) => a.includes('/build')).at(-1)!;
    expect(new URLSearchParams(asked.split('?')[1]).get('infile')).toBe(DATASET);
  });
});

describe('small things', () => {
  it('says sizes and times as people do', () => {
    expect([0, 999, 1772368, 999_900_000, 5e12].map(size)).toEqual(['0 B', '999 B', '1.8 MB', '1.0 GB', '5.0 TB']);
    const now = utc('2026-11-23T12:00:00.5');
    const then = ['2026-11-23T11:59:31', '2026-11-23T11:59:00', '2026-11-23T09:00:00', '2026-11-20T09:00:00'];
    expect(then.map((t) => ago(utc(t), now))).toEqual(['just now', '1 minute ago', '3 hours ago', '3 days ago']);
  });

  it('reads the numbers of cells and genes that Galaxy shows, where it could tell them', () => {
    expect(shapeIn(recorded.dataset.body.peek)).toEqual({ cells: 700, genes: 765 });
    for (const peek of ['', '[n_obs x n_vars]\n    -1 x -1', '[n_obs x n_vars]\n    1 x 1', 'file does not exist']) {
      expect(shapeIn(peek)).toBeUndefined();
    }
  });

  it('knows where in Galaxy it is, wherever Galaxy is', () => {
    const galaxy = new Galaxy(
      '/galaxy',
      'https://example.org/galaxy/visualizations/display?a=1',
      async () => new Response(),
    );
    expect(galaxy.address('login/start')).toBe('https://example.org/galaxy/login/start');
    expect(galaxy.pathOf('https://example.org/galaxy/visualizations/display?a=1')).toBe('/visualizations/display?a=1');
    expect(galaxy.pathOf('https://elsewhere.org/galaxy/x')).toBe('');
  });

  it('remembers a session, or nothing where the browser refuses', () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    } as unknown as Storage;
    const memory = tabMemory(() => storage);
    memory.set('d', 'job');
    expect([memory.get('d'), memory.get('e')]).toEqual(['job', null]);
    memory.forget('d');
    expect(memory.get('d')).toBeNull();
    const refused = tabMemory(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    refused.set('d', 'job');
    expect(refused.get('d')).toBeNull();
  });
});
