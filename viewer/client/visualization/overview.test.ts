import { describe, expect, it } from 'vitest';
import recorded from './answers.json';
import { changed, DATASET, JOB, problemOf, TOOL, usual } from './fake';
import type { FormInput } from './galaxy';
import { datasetInput, inputsOf, optionsOf } from './options';
import { readOverview, sessionsOf } from './overview';

describe('the overview', () => {
  it('has the dataset, its history and the tool', async () => {
    const found = await readOverview(usual().galaxy, DATASET, TOOL);
    expect(found.dataset.name).toBe('PBMC 68k reduced');
    expect(found.history.name).toBe('Blood cells');
    expect(found).toMatchObject({ own: true, input: 'infile', sessions: [], options: [] });
  });

  it('never requests the names of all cells', async () => {
    const fake = usual();
    await readOverview(fake.galaxy, DATASET, TOOL);
    expect(fake.asked.filter((a) => a.includes('api/datasets/'))).toEqual([
      `GET api/datasets/${DATASET}?view=summary&keys=uuid,file_size,peek`,
    ]);
  });

  it.each([
    ['that the user cannot read', 'history_refused' as const],
    ['of another user', changed('history', { user_id: 'somebody' })],
  ])('sends the job into the current history for a dataset in a history %s', async (_, history) => {
    const found = await readOverview(usual().on(/^GET api\/histories\//, history).galaxy, DATASET, TOOL);
    expect(found.own).toBe(false);
    expect(found.history.id).toBe(recorded.history_current.body.id);
  });

  it('sends the job into the current history where the own one is archived', async () => {
    const found = await readOverview(
      usual().on(/^GET api\/histories\//, changed('history', { archived: true })).galaxy,
      DATASET,
      TOOL,
    );
    expect(found.own).toBe(true);
    expect(found.history.id).toBe(recorded.history_current.body.id);
  });

  it('asks users to log in', async () => {
    const fake = usual().on(/^GET api\/users\/current/, 'nobody');
    const problem = await problemOf(readOverview(fake.galaxy, DATASET, TOOL));
    expect(problem.title).toContain('Log in');
    expect(problem.more.link?.path).toBe('login/start');
    const from = await problemOf(readOverview(fake.galaxy, DATASET, TOOL, '/visualizations/display?a=1&b=2'));
    expect(from.more.link?.path).toBe('login/start?redirect=%2Fvisualizations%2Fdisplay%3Fa%3D1%26b%3D2');
    // the name of a private dataset is not shown to users without access
    fake.on(/^GET api\/datasets\//, 'dataset_refused');
    expect((await problemOf(readOverview(fake.galaxy, DATASET, TOOL))).title).toContain('Log in');
  });

  it('reports a dataset that is not shared', async () => {
    const fake = usual().on(/^GET api\/datasets\//, 'dataset_refused');
    expect((await problemOf(readOverview(fake.galaxy, DATASET, TOOL))).hint).toContain('Ask its owner');
  });

  it.each([
    [{ deleted: true }, 'Undelete'],
    [{ deleted: true, purged: true }, 'permanently'],
    [{ state: 'running' }, 'Wait'],
  ])('refuses a dataset that is %o', async (changes, hint) => {
    const fake = usual().on(/^GET api\/datasets\//, changed('dataset', changes));
    expect((await problemOf(readOverview(fake.galaxy, DATASET, TOOL))).hint).toContain(hint);
  });

  it('has instructions for administrators if the tool is missing, and refers users to them', async () => {
    const fake = usual().on(/^GET api\/tools\/interactive_tool_starcyte$/, 'tool_absent');
    const admin = await problemOf(readOverview(fake.galaxy, DATASET, TOOL));
    expect(admin.hint).toContain('tool_config_file');
    fake.on(/^GET api\/configuration/, changed('configuration', { interactivetools_enable: false }));
    expect((await problemOf(readOverview(fake.galaxy, DATASET, TOOL))).hint).toContain('interactivetools_enable: true');
    fake.on(/^GET api\/users\/current/, changed('user', { is_admin: false }));
    expect((await problemOf(readOverview(fake.galaxy, DATASET, TOOL))).hint).toContain('Ask the administrator');
  });

  it('works without the form', async () => {
    const fake = usual().on(/\/build/, { status: 500, body: { err_msg: 'no' } });
    expect(await readOverview(fake.galaxy, DATASET, TOOL)).toMatchObject({ input: 'infile', options: [] });
  });
});

describe('running sessions', () => {
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

  it('are not those that are ending', async () => {
    for (const state of ['stop', 'stopped', 'ok', 'deleting'])
      expect(await sessionsOf(running({ state }).galaxy, body, recorded.tool.body)).toEqual([]);
  });

  it('are those of another version of a tool from a ToolShed, found by their entry points', async () => {
    const fake = running({ tool_id: shed('0.1.0') })
      .on(/^GET api\/jobs\?/, { status: 200, body: [] })
      .on(/^GET api\/entry_points\?running/, 'entries_running');
    const tool = { ...recorded.tool.body, id: shed('0.2.0') };
    expect(await sessionsOf(fake.galaxy, body, tool)).toHaveLength(1);
  });

  it('are requested by all states of jobs that have not ended', async () => {
    const fake = running({});
    await sessionsOf(fake.galaxy, body, recorded.tool.body);
    const states = new URLSearchParams(fake.asked.find((a) => a.includes('jobs?'))!.split('?')[1]).getAll('state');
    expect(states).toEqual(expect.arrayContaining(['new', 'queued', 'running', 'paused']));
    expect(states).not.toContain('ok');
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

  it('are the inputs of the tool but for its dataset, with help as text', () => {
    expect(datasetInput(form)).toBe('infile');
    expect(optionsOf(form).map((o) => [o.name, o.kind])).toEqual([
      ['color_by', 'choice'],
      ['read_only', 'switch'],
      ['advanced|idle', 'number'],
      ['index', 'dataset'],
    ]);
    expect(optionsOf([select])[0]).toMatchObject({ help: 'A column of obs & no gene', value: '' });
  });

  it('are sent in the format of Galaxy, and left out if nothing was chosen', () => {
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

  it('have the values of this dataset', async () => {
    const fake = usual();
    await readOverview(fake.galaxy, DATASET, TOOL);
    const asked = fake.asked.filter((a) => a.includes('/build')).at(-1)!;
    expect(new URLSearchParams(asked.split('?')[1]).get('infile')).toBe(DATASET);
  });
});
