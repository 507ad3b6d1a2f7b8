import { describe, expect, it } from 'vitest';
import recorded from './answers.json';
import {
  changed,
  DATASET,
  type Fake,
  HEALTHY,
  InstantClock,
  JOB,
  neverAborted,
  problemOf,
  TARGET,
  TOOL,
  usual,
} from './fake';
import { inputsOf } from './options';
import { end, endOf, follow, outputsOf, type Progress } from './session';

/** Follow to the end: what was said on the way, and where the page is. */
async function followed(fake: Fake, clock = new InstantClock()) {
  const steps = follow(fake.galaxy, JOB, clock, neverAborted);
  const said: Progress[] = [];
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return { said, open: value };
    said.push(value);
  }
}

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

  it('follows a job from the queue to the page, and waits for starcyte', async () => {
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

  it('resolves an address that is a path', async () => {
    const path = '/interactivetool/ep/1/2/';
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, { status: 200, body: [{ ...recorded.entry_active.body[0], target: path }] })
      .on(/health/, HEALTHY);
    expect((await followed(fake)).open.target).toBe('http://localhost:8080/interactivetool/ep/1/2/');
  });

  it('shows a page on another host without CORS', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/health/, new TypeError('CORS'), { status: 200, body: '' });
    expect((await followed(fake)).open.target).toBe(TARGET);
  });

  it('fails if another program keeps answering', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/health/, { status: 404, body: '<html>nginx</html>' });
    const clock = new InstantClock();
    const problem = await problemOf(followed(fake, clock));
    expect(problem.hint).toContain('gx-it-proxy');
    expect(problem.hint).toContain('interactivetools_proxy_host');
    // it occupies its place meanwhile
    expect(problem.more.stop).toBe(JOB);
    expect(clock.time).toBeGreaterThan(20_000);
    expect(clock.time).toBeLessThan(30_000);
  });

  it.each([
    [
      'a proxy that does not run',
      { status: 502, body: '<html>Bad Gateway</html>' },
      'gx-it-proxy does not run',
      12_000,
    ],
    ['a proxy on another port that does not run', new TypeError('refused'), 'gx-it-proxy does not run', 12_000],
    ['a machine out of reach', { status: 502, body: 'Proxy target missing' }, 'cannot reach the machine', 35_000],
  ])('blames %s', async (_, answer, note, within) => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/health/, answer);
    const clock = new InstantClock();
    const steps = follow(fake.galaxy, JOB, clock, neverAborted);
    expect((await steps.next()).value).toEqual({ step: 'opening' });
    expect((await steps.next()).value).toMatchObject({ step: 'opening', note: expect.stringContaining(note) });
    expect(clock.time).toBeLessThan(within);
  });

  it('reports why a job failed, with a link to the error report', async () => {
    const problem = await problemOf(followed(usual().on(/^GET api\/jobs\//, 'job_error')));
    expect(problem.more.log).toBe(recorded.job_error.body.tool_stderr.trim());
    expect(problem.more.link?.path).toBe(`datasets/${recorded.job_error.body.outputs.report.id}/error`);
    expect(problem.more.again).toBe(true);
  });

  it('takes the reason from the history if the job has no output', async () => {
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

  it('survives a restart of Galaxy, but not its end', async () => {
    const fake = waiting()
      .on(/^GET api\/jobs\//, 'job_new', new TypeError('refused'), { status: 503, body: 'starting' }, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/health/, HEALTHY);
    const { said } = await followed(fake);
    expect(said.map((p) => p.note)).toContain('Galaxy does not answer. Trying again…');
    await expect(followed(waiting().on(/^GET api\/jobs\//, new TypeError('refused')))).rejects.toThrow(
      'does not answer',
    );
  });

  it('has a note for a long wait, and requests less often', async () => {
    const clock = new InstantClock();
    const steps = follow(waiting().on(/^GET api\/jobs\//, 'job_new').galaxy, JOB, clock, neverAborted);
    expect((await steps.next()).value).toEqual({ step: 'queued' });
    expect((await steps.next()).value).toMatchObject({ step: 'queued', note: expect.stringContaining('busy') });
    expect(clock.time).toBeGreaterThanOrEqual(60_000);
  });

  it('ends when its page is closed', async () => {
    const gone = new AbortController();
    const steps = follow(waiting().on(/^GET api\/jobs\//, 'job_new').galaxy, JOB, new InstantClock(), gone.signal);
    await steps.next();
    gone.abort();
    await expect(steps.next()).rejects.toThrow(/abort/i);
  });
});

describe('the end of a session', () => {
  it('stops a running session by its entry point, which keeps its outputs', async () => {
    const fake = usual()
      .on(/^GET api\/jobs\//, 'job_running')
      .on(/^GET api\/entry_points\?job_id/, 'entry_active')
      .on(/^DELETE/, { status: 200, body: null });
    await end(fake.galaxy, JOB);
    expect(fake.asked.at(-1)).toBe(`DELETE api/entry_points/${recorded.entry_active.body[0]!.id}`);
  });

  it('cancels a queued session, and does nothing with an ended one', async () => {
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

  it('is waited for up to a limit', async () => {
    const fake = usual().on(/^GET api\/jobs\//, 'job_stopping', 'job_stopping', 'job_ok');
    expect((await endOf(fake.galaxy, JOB, new InstantClock(), neverAborted)).state).toBe('ok');
    const stuck = usual().on(/^GET api\/jobs\//, 'job_stopping');
    expect((await problemOf(endOf(stuck.galaxy, JOB, new InstantClock(), neverAborted))).hint).toContain('history');
  });

  it('returns the saved files and the report', async () => {
    const fake = usual().on(
      /^GET api\/datasets\//,
      { status: 200, body: { extension: 'csv', file_size: 20 } },
      { status: 200, body: { extension: 'png', file_size: 8 } },
    );
    const { files, report, killed } = await outputsOf(fake.galaxy, recorded.job_ok.body);
    expect(files.map((f) => [f.name, f.size])).toEqual([
      ['cell types.csv', 20],
      ['umap.png', 8],
    ]);
    expect(report).toBe(recorded.job_ok.body.outputs.report.id);
    expect(killed).toBe(false);
  });

  it('of a killed job keeps its files', async () => {
    const job = { ...recorded.job_ok.body, outputs: {}, exit_code: 137 };
    expect((await outputsOf(usual().galaxy, job)).killed).toBe(true);
  });

  it('in error names the saved files', async () => {
    const { report } = recorded.job_error.body.outputs;
    const outputs = { report, '__new_primary_file_report|pbmc/annotations__': { id: 'x', src: 'hda' } };
    const fake = usual().on(/^GET api\/jobs\//, changed('job_error', { outputs }));
    expect((await problemOf(followed(fake))).hint).toContain('in the history: pbmc/annotations.');
  });
});
