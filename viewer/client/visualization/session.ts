/** A session from its start to its end. */

import { ALIVE, type Answering, ENDING, type EntryPoint, type Galaxy, GalaxyError, type Job } from './galaxy';
import { Problem } from './problem';

export type Step = 'queued' | 'running' | 'opening';

export interface Progress {
  step: Step;
  /** The reason of a long wait. */
  note?: string;
}

export interface Open {
  target: string;
  entryPoint: string;
}

export interface Clock {
  /** Milliseconds, as `performance.now()`. */
  now(): number;
  /** Wait; rejects when the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** The datasets that an ended session has added to the history. */
export interface SessionOutputs {
  files: { name: string; id: string; size: number | null }[];
  report?: string;
  /** Whether the session was killed. */
  killed: boolean;
}

/** How long another program may answer at the address of the session: the proxy learns of new sessions with a delay. */
const FOREIGN_ANSWER_MS = 20_000;
/** How long the proxy may be unreachable before a note is shown, as during its restart. */
const NO_PROXY_MS = 8_000;
/** How long the session may be unreachable for the proxy before a note is shown: Python may load slowly. */
const NO_ANSWER_MS = 30_000;
/** The exit status of a killed program in a shell. */
const KILLED = 137;
/** How long Galaxy itself may be unreachable, as during a restart. */
const GALAXY_NO_ANSWER_MS = 120_000;
/** How long Galaxy may take to stop a job. */
const ENDING_MS = 120_000;
/** The time in the queue after which a note is shown. */
const LONG_QUEUE_MS = 60_000;
const LOG_LINES = 12;

/**
 * Follow a job until its page is reachable.
 *
 * Yields each change of the progress and returns the address. Throws a Problem if the page will never be reachable.
 */
export async function* follow(
  galaxy: Galaxy,
  id: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Progress, Open> {
  const began = clock.now();
  let heard = began;
  let active: number | undefined;
  let said = '';
  for (;;) {
    let progress: Progress;
    try {
      const job = await galaxy.job(id);
      heard = clock.now();
      if (job.state === 'paused') throw paused();
      if (!ALIVE.has(job.state)) throw await ended(galaxy, job);
      const entry = job.state === 'running' ? await entryPointOf(galaxy, id) : undefined;
      if (entry?.active && entry.target) {
        active ??= clock.now();
        const target = galaxy.address(entry.target);
        const app = await galaxy.probe(target);
        if (app === 'starcyte' || app === 'unknown') return { target, entryPoint: entry.id };
        progress = opening(app, id, clock.now() - active);
      } else {
        progress = waiting(job.state, clock.now() - began);
      }
    } catch (error) {
      if (!(error instanceof GalaxyError) || (error.status !== 0 && error.status < 500)) throw error;
      if (clock.now() - heard > GALAXY_NO_ANSWER_MS) throw error;
      progress = { step: active === undefined ? 'running' : 'opening', note: 'Galaxy does not answer. Trying again…' };
    }
    if (JSON.stringify(progress) !== said) {
      said = JSON.stringify(progress);
      yield progress;
    }
    await clock.sleep(interval(clock.now() - began), signal);
  }
}

/** Return the time to the next request: sessions open within seconds, or wait in the queue for hours. */
function interval(elapsed: number): number {
  if (elapsed < 30_000) return 500;
  return elapsed < 180_000 ? 2000 : 6000;
}

function waiting(state: string, elapsed: number): Progress {
  if (state === 'running') return { step: 'running' };
  if (elapsed < LONG_QUEUE_MS) return { step: 'queued' };
  return {
    step: 'queued',
    note: 'The server is busy. You can leave this page: the session is listed under Visualize.',
  };
}

function opening(app: Answering, job: string, elapsed: number): Progress {
  if (app === 'another' && elapsed > FOREIGN_ANSWER_MS) {
    throw new Problem(
      'The session is running, but cannot be reached',
      'Another program answers at its address, not starcyte.',
      'Show this to the administrator of this Galaxy server: the web server in front of Galaxy does not forward /interactivetool/ to gx-it-proxy, or gx-it-proxy reads another map than Galaxy writes. Without a web server in front, galaxy.yml needs interactivetools_upstream_proxy: false and interactivetools_proxy_host.',
      { again: true, stop: job },
    );
  }
  if (app === 'none' && elapsed > NO_PROXY_MS) {
    return {
      step: 'opening',
      note: 'The session is running, but gx-it-proxy, which leads to it, does not answer. It may be starting again. If this takes minutes, tell the administrator of this Galaxy server that gx-it-proxy does not run.',
    };
  }
  if (app === 'proxy' && elapsed > NO_ANSWER_MS) {
    return {
      step: 'opening',
      note: 'The session is running, but does not answer yet. If this takes minutes, tell the administrator of this Galaxy server that gx-it-proxy cannot reach the machine of the job.',
    };
  }
  return { step: 'opening' };
}

async function entryPointOf(galaxy: Galaxy, job: string): Promise<EntryPoint | undefined> {
  const [entry] = await galaxy.entryPoints(job);
  return entry;
}

function paused(): Problem {
  return new Problem(
    'The session is on hold',
    'Galaxy has paused its job. The reason may be that your storage quota is used up or that an input dataset has failed.',
    'See your history for the reason, and resume the job there (History options, Resume Paused Jobs).',
    { again: true },
  );
}

/** Return why a job has ended before its page was shown. */
async function ended(galaxy: Galaxy, job: Job): Promise<Problem> {
  if (job.state === 'deleted' || job.state === 'deleting') {
    return new Problem(
      'The session was cancelled',
      'Its job was deleted before it could be shown.',
      'Start a new one.',
    );
  }
  if (job.state !== 'error' && job.state !== 'failed') {
    return new Problem('The session has ended', 'Its job has finished.', 'Start a new one to look at the cells again.');
  }
  const report = reportOf(job);
  const log = lastLines(job.tool_stderr || job.stderr || (report ? await galaxy.note(report).catch(() => '') : ''));
  const saved = Object.keys(savedOf(job));
  const kept = saved.length
    ? `What was saved before is in the history: ${saved.join(', ')}. Galaxy marks it as failed with the job; it can be downloaded. `
    : '';
  return new Problem(
    'The session failed',
    log ? 'Its job ended with an error and this output:' : 'Its job ended with an error and without output.',
    `${kept}Try again. If it fails again, report it: the error report of Galaxy contains all details.`,
    { log, again: true, ...(report ? { link: { label: 'Error report', path: `datasets/${report}/error` } } : {}) },
  );
}

function lastLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line)
    .slice(-LOG_LINES)
    .join('\n');
}

/** Stop a session, or cancel one that has not started. */
export async function end(galaxy: Galaxy, id: string): Promise<void> {
  const job = await galaxy.job(id);
  if (!ALIVE.has(job.state)) return;
  const entry = await entryPointOf(galaxy, id);
  if (entry && job.state === 'running') await galaxy.stop(entry.id);
  else await galaxy.cancel(id);
}

/** Wait until the job of a session has ended, and return it. Throws a Problem if that takes too long. */
export async function endOf(galaxy: Galaxy, id: string, clock: Clock, signal: AbortSignal): Promise<Job> {
  const began = clock.now();
  for (;;) {
    const job = await galaxy.job(id);
    if (!ALIVE.has(job.state) && !ENDING.has(job.state)) return job;
    if (clock.now() - began > ENDING_MS) {
      throw new Problem(
        'The session is still stopping',
        'Galaxy has not confirmed yet that the session has ended.',
        'See your history: the saved files appear there once the job has ended.',
        { again: true },
      );
    }
    await clock.sleep(700, signal);
  }
}

const REPORT = 'report';

/** Return the session report. */
function reportOf(job: Job): string | undefined {
  return job.outputs?.[REPORT]?.id;
}

/** Return the datasets of saved files by the path of the file without its ending; Galaxy derives their keys from it. */
function savedOf(job: Job): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, { id }] of Object.entries(job.outputs ?? {})) {
    const [, path] = /^__new_primary_file_\w+?\|(.*)__$/.exec(key) ?? [];
    if (path) found[path] = id;
  }
  return found;
}

/** Return the outputs of an ended job in the history. */
export async function outputsOf(galaxy: Galaxy, job: Job): Promise<SessionOutputs> {
  const report = reportOf(job);
  const files = await Promise.all(
    Object.entries(savedOf(job)).map(async ([path, id]) => {
      const { extension, file_size } = await galaxy.file(id);
      return { name: `${path}.${extension}`, id, size: file_size ?? null };
    }),
  );
  return { files, killed: job.exit_code === KILLED, ...(report ? { report } : {}) };
}
