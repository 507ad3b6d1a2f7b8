/** One session from its start to its end. */

import { ALIVE, ENDING, type EntryPoint, type Galaxy, GalaxyError, type Job } from './galaxy';
import { Problem } from './problem';

export type Step = 'queued' | 'running' | 'opening';

export interface Progress {
  step: Step;
  /** Something that makes waiting longer than usual. */
  note?: string;
}

export interface Open {
  target: string;
  entryPoint: string;
}

export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Wait; rejects when the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** What a session that ended left in the history. */
export interface Left {
  files: { name: string; id: string; size: number | null }[];
  report?: string;
}

/** How long something else may answer at the address before it is taken for good: a proxy learns of a session late. */
const STRANGER_MS = 45_000;
/** How long nobody may answer before the page says that something is amiss. */
const SILENCE_MS = 60_000;
/** How long Galaxy itself may be silent, as while it restarts. */
const GALAXY_SILENCE_MS = 120_000;
/** How long Galaxy may take to end a job that it was asked to end. */
const ENDING_MS = 120_000;
/** From when on a place in the queue is called a long one. */
const LONG_QUEUE_MS = 60_000;
const LOG_LINES = 12;

/**
 * Follow a job until its page can be shown.
 *
 * Yields each time something changed, and returns where the page is. Throws a Problem where it will never be.
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
        const who = await galaxy.who(target);
        if (who === 'starcyte' || who === 'unknown') return { target, entryPoint: entry.id };
        progress = opening(who, clock.now() - active);
      } else {
        progress = waiting(job.state, clock.now() - began);
      }
    } catch (error) {
      if (!(error instanceof GalaxyError) || (error.status !== 0 && error.status < 500)) throw error;
      if (clock.now() - heard > GALAXY_SILENCE_MS) throw error;
      progress = { step: active === undefined ? 'running' : 'opening', note: 'Galaxy does not answer; trying again.' };
    }
    if (JSON.stringify(progress) !== said) {
      said = JSON.stringify(progress);
      yield progress;
    }
    await clock.sleep(pause(clock.now() - began), signal);
  }
}

/** A session that opens does so within seconds; one that waits for a place may wait for hours. */
function pause(elapsed: number): number {
  if (elapsed < 30_000) return 500;
  return elapsed < 180_000 ? 2000 : 6000;
}

function waiting(state: string, elapsed: number): Progress {
  if (state === 'running') return { step: 'running' };
  if (elapsed < LONG_QUEUE_MS) return { step: 'queued' };
  return {
    step: 'queued',
    note: 'The server is busy. You can leave this page: the session is found again under Visualize.',
  };
}

function opening(who: 'another' | 'nobody', elapsed: number): Progress {
  if (who === 'another' && elapsed > STRANGER_MS) {
    throw new Problem(
      'The session runs, but cannot be reached',
      'Something other than starcyte answers at its address.',
      'Show this to the administrator of this Galaxy server: the web server in front of Galaxy does not hand /interactivetool/ to gx-it-proxy, or gx-it-proxy reads another map than Galaxy writes.',
      { again: true },
    );
  }
  if (who === 'nobody' && elapsed > SILENCE_MS) {
    return {
      step: 'opening',
      note: 'The session runs, but nobody answers at its address yet. If this goes on for minutes, tell the administrator of this Galaxy server: its proxy cannot reach the machine that the job runs on.',
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
    'Galaxy has put the session on hold',
    'Its job is paused. That happens when your storage quota is used up, or when a dataset that it needs has failed.',
    'See why in your history, and resume the job there (History options, Resume Paused Jobs).',
    { again: true },
  );
}

/** Why a job that should show a page has ended. */
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
  return new Problem(
    'The session failed',
    log ? 'Its job ended with an error, and said:' : 'Its job ended with an error, and did not say why.',
    'Try again. If it fails again, report it: the error report of Galaxy takes all details along.',
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

/** Ask Galaxy to end a session; one that has not begun is given up. */
export async function end(galaxy: Galaxy, id: string): Promise<void> {
  const job = await galaxy.job(id);
  if (!ALIVE.has(job.state)) return;
  const entry = await entryPointOf(galaxy, id);
  if (entry && job.state === 'running') await galaxy.stop(entry.id);
  else await galaxy.cancel(id);
}

/** Wait until a session's job has ended, and return the job. Throws a Problem where that takes too long. */
export async function endOf(galaxy: Galaxy, id: string, clock: Clock, signal: AbortSignal): Promise<Job> {
  const began = clock.now();
  for (;;) {
    const job = await galaxy.job(id);
    if (!ALIVE.has(job.state) && !ENDING.has(job.state)) return job;
    if (clock.now() - began > ENDING_MS) {
      throw new Problem(
        'The session is still ending',
        'Galaxy has been asked to end it, and has not said that it has.',
        'Look in your history: what was saved appears there once the job has ended.',
        { again: true },
      );
    }
    await clock.sleep(700, signal);
  }
}

/** The session report, beside which Galaxy lists every file of a collection as an output of its own. */
function reportOf(job: Job): string | undefined {
  return Object.entries(job.outputs ?? {}).find(([name]) => !name.startsWith('__new_primary_file'))?.[1].id;
}

/** What a job that ended has put into the history. */
export async function left(galaxy: Galaxy, job: Job): Promise<Left> {
  const report = reportOf(job);
  const collections = await Promise.all(
    Object.values(job.output_collections ?? {}).map((reference) => galaxy.collection(reference.id)),
  );
  const files = collections.flatMap((collection) =>
    collection.elements.map(({ element_identifier, object }) => ({
      name: object.file_ext ? `${element_identifier}.${object.file_ext}` : element_identifier,
      id: object.id,
      size: object.file_size ?? null,
    })),
  );
  return { files, ...(report ? { report } : {}) };
}
