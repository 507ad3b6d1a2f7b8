/** What is known before anything is started: the dataset, the user, the tool, the sessions that run already. */

import { ALIVE, type Dataset, type Galaxy, GalaxyError, type History, type Job, type Tool, type User } from './galaxy';
import { datasetInput, type Option, optionsOf } from './options';
import { Problem } from './problem';

/** A session of a dataset that has not ended. */
export interface Session {
  job: string;
  state: string;
  began: Date;
}

export interface Survey {
  dataset: Dataset;
  tool: Tool;
  /** Where the session's job and what is saved in it go. */
  history: History;
  /** Whether the dataset is in a history of the user. */
  own: boolean;
  /** The name of the tool's input for the dataset. */
  input: string;
  options: Option[];
  sessions: Session[];
}

/** How many of the user's jobs are looked into at most. */
const JOBS_LOOKED_INTO = 20;

/**
 * Find out all that the first page shows. `here` is Galaxy's page that shows it, to come back to after a log-in.
 *
 * Throws a Problem where no session can be started.
 */
export async function survey(galaxy: Galaxy, datasetId: string, toolId: string, here = ''): Promise<Survey> {
  const user = await galaxy.user();
  const dataset = await accessible(galaxy, datasetId, user, here);
  if (!user.id) throw loggedOut(dataset.name, here);
  refuseUnusable(dataset);
  const [tool, { history, own }] = await Promise.all([installed(galaxy, toolId, user), place(galaxy, dataset, user)]);
  const [form, sessions] = await Promise.all([
    formOf(galaxy, tool, history.id, dataset.id),
    sessionsOf(galaxy, dataset, tool),
  ]);
  const input = datasetInput(form);
  return { dataset, tool, history, own, input, options: optionsOf(form), sessions };
}

async function accessible(galaxy: Galaxy, id: string, user: User, here: string): Promise<Dataset> {
  try {
    return await galaxy.dataset(id);
  } catch (error) {
    if (!(error instanceof GalaxyError) || ![400, 401, 403, 404].includes(error.status)) throw error;
    if (!user.id) throw loggedOut('this dataset', here);
    throw new Problem(
      'This dataset is not shared with you',
      'Galaxy does not let you read it.',
      'Ask its owner to share the history that it is in.',
    );
  }
}

function loggedOut(name: string, here: string): Problem {
  const back = here ? `?${new URLSearchParams({ redirect: here })}` : '';
  return new Problem(
    'Log in to look at the cells',
    `Looking at “${name}” takes a job on the server, and a job belongs to a user.`,
    'Log in, or make an account; you come back to this page.',
    { link: { label: 'Log in', path: `login/start${back}` } },
  );
}

function refuseUnusable(dataset: Dataset): void {
  if (dataset.purged || dataset.deleted) {
    const hint = dataset.purged
      ? 'Its file is gone for good. Choose another dataset.'
      : 'Restore it in its history (show deleted datasets, then Undelete), and reload this page.';
    throw new Problem('This dataset was deleted', `“${dataset.name}” is no longer in its history.`, hint);
  }
  if (dataset.state !== 'ok' && dataset.state !== 'deferred') {
    throw new Problem(
      'This dataset is not ready',
      `Galaxy says that “${dataset.name}” is in the state “${dataset.state}”.`,
      'Wait until it is green in the history, and try again.',
      { again: true },
    );
  }
}

async function installed(galaxy: Galaxy, id: string, user: User): Promise<Tool> {
  try {
    return await galaxy.tool(id);
  } catch (error) {
    if (!(error instanceof GalaxyError) || error.status !== 404) throw error;
  }
  const enabled = await galaxy.interactiveTools().catch(() => undefined);
  const what =
    enabled === false
      ? 'Interactive tools are switched off on this Galaxy server, and the cells are shown by one.'
      : `The cells are shown by the interactive tool “${id}”, which this Galaxy server does not have.`;
  const admin =
    enabled === false
      ? 'Set interactivetools_enable: true in galaxy.yml, start gx-it-proxy, and restart Galaxy.'
      : 'Add starcyte’s tool_conf.xml to tool_config_file in galaxy.yml, or install the tool from the ToolShed, and restart Galaxy. If the tool has another id here, write it into specs/tool_id of this visualization’s starcyte.xml.';
  throw new Problem(
    'starcyte is not installed here',
    what,
    user.is_admin ? `You are an administrator: ${admin}` : 'Ask the administrator of this server to install it.',
    { again: true },
  );
}

/** Where the job goes: beside the dataset, or in the user's current history where the dataset is another's. */
async function place(galaxy: Galaxy, dataset: Dataset, user: User): Promise<{ history: History; own: boolean }> {
  try {
    const history = await galaxy.history(dataset.history_id);
    const own = history.user_id === user.id;
    if (own && !history.deleted && !history.purged && !history.archived) return { history, own };
    return { history: await galaxy.currentHistory(), own };
  } catch (error) {
    // one that cannot be read is not the user's
    if (!(error instanceof GalaxyError) || error.status === 0) throw error;
    return { history: await galaxy.currentHistory(), own: false };
  }
}

/** The tool's form; without it a session starts with the tool's own choices. */
async function formOf(galaxy: Galaxy, tool: Tool, history: string, dataset: string) {
  try {
    const empty = await galaxy.form(tool, history, {});
    return await galaxy.form(tool, history, { [datasetInput(empty)]: dataset });
  } catch (error) {
    if (error instanceof GalaxyError && error.status !== 0) return [];
    throw error;
  }
}

/** The user's sessions of this dataset, or of a copy of it, that have not ended; the latest first. */
export async function sessionsOf(galaxy: Galaxy, dataset: Dataset, tool: Tool): Promise<Session[]> {
  const [jobs, entryPoints] = await Promise.all([galaxy.jobs(tool.id), galaxy.runningEntryPoints()]);
  // A job of another version of the tool has another id in a ToolShed; its entry point is found all the same.
  const ids = new Set([...jobs.map((j) => j.id), ...entryPoints.map((e) => e.job_id)]);
  const found = await Promise.all([...ids].slice(0, JOBS_LOOKED_INTO).map((id) => galaxy.job(id).catch(() => null)));
  return (
    found
      .filter((job) => job !== null)
      // a session may be stopped between the two questions
      .filter((job) => ALIVE.has(job.state))
      .filter((job) => sameTool(job.tool_id, tool.id) && opens(job, dataset))
      .map((job) => ({ job: job.id, state: job.state, began: utc(job.create_time) }))
      .sort((a, b) => b.began.getTime() - a.began.getTime())
  );
}

/** Whether two ids are of one tool, be they of different versions. */
function sameTool(a: string, b: string): boolean {
  return shortId(a) === shortId(b);
}

/** SERVER/repos/OWNER/REPOSITORY/TOOL/VERSION is TOOL. */
function shortId(id: string): string {
  const parts = id.split('/');
  return parts.length > 4 ? (parts.at(-2) ?? id) : id;
}

/** A copy of a dataset has another id and the same uuid. */
function opens(job: Job, dataset: Dataset): boolean {
  return Object.values(job.inputs ?? {}).some(
    (input) => input.id === dataset.id || (dataset.uuid != null && input.uuid === dataset.uuid),
  );
}

/** Galaxy's times are of UTC and do not say so. */
export function utc(time: string): Date {
  return new Date(/[Z+]/.test(time) ? time : `${time}Z`);
}
