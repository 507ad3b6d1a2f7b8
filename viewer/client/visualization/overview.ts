/** The data of the first page: dataset, user, tool and running sessions. */

import { ALIVE, type Dataset, type Galaxy, GalaxyError, type History, type Job, type Tool, type User } from './galaxy';
import { datasetInput, type Option, optionsOf } from './options';
import { Problem } from './problem';

/** A session of a dataset that has not ended. */
export interface Session {
  job: string;
  state: string;
  began: Date;
}

export interface Overview {
  dataset: Dataset;
  tool: Tool;
  /** The history of the job and its outputs. */
  history: History;
  /** Whether the dataset is in a history of the user. */
  own: boolean;
  /** The name of the tool's input for the dataset. */
  input: string;
  options: Option[];
  sessions: Session[];
}

/** The limit of jobs that are examined. */
const MAX_JOBS = 20;

/**
 * Fetch the data of the first page. `here` is the page of Galaxy to return to after login.
 *
 * Throws a Problem if no session can be started.
 */
export async function readOverview(galaxy: Galaxy, datasetId: string, toolId: string, here = ''): Promise<Overview> {
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
      'You have no permission to read it.',
      'Ask its owner to share its history.',
    );
  }
}

function loggedOut(name: string, here: string): Problem {
  const back = here ? `?${new URLSearchParams({ redirect: here })}` : '';
  return new Problem(
    'Log in to explore the cells',
    `To explore “${name}”, a job must run on the server, and a job needs a user.`,
    'Log in or create an account. You will return to this page.',
    { link: { label: 'Log in', path: `login/start${back}` } },
  );
}

function refuseUnusable(dataset: Dataset): void {
  if (dataset.purged || dataset.deleted) {
    const hint = dataset.purged
      ? 'Its file was removed permanently. Choose another dataset.'
      : 'Restore it in its history (show deleted datasets, then Undelete), and reload this page.';
    throw new Problem('This dataset was deleted', `“${dataset.name}” is no longer in its history.`, hint);
  }
  if (dataset.state !== 'ok' && dataset.state !== 'deferred') {
    throw new Problem(
      'This dataset is not ready',
      `“${dataset.name}” is in the state “${dataset.state}”.`,
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
  const reason =
    enabled === false
      ? 'Interactive tools are disabled on this Galaxy server, and starcyte is one.'
      : `This Galaxy server does not have the interactive tool “${id}”.`;
  const admin =
    enabled === false
      ? 'Set interactivetools_enable: true in galaxy.yml, start gx-it-proxy, and restart Galaxy.'
      : 'Add starcyte’s tool_conf.xml to tool_config_file in galaxy.yml, or install the tool from the ToolShed, and restart Galaxy. If the tool has another id here, write it into specs/tool_id of this visualization’s starcyte.xml.';
  throw new Problem(
    'starcyte is not installed',
    reason,
    user.is_admin ? `You are an administrator: ${admin}` : 'Ask the administrator of this server to install it.',
    { again: true },
  );
}

/** Return the history for the job: that of the dataset, or the current one if the dataset is of another user. */
async function place(galaxy: Galaxy, dataset: Dataset, user: User): Promise<{ history: History; own: boolean }> {
  try {
    const history = await galaxy.history(dataset.history_id);
    const own = history.user_id === user.id;
    if (own && !history.deleted && !history.purged && !history.archived) return { history, own };
    return { history: await galaxy.currentHistory(), own };
  } catch (error) {
    // a history that cannot be read is of another user
    if (!(error instanceof GalaxyError) || error.status === 0) throw error;
    return { history: await galaxy.currentHistory(), own: false };
  }
}

/** Fetch the form of the tool; without it a session starts with the defaults of the tool. */
async function formOf(galaxy: Galaxy, tool: Tool, history: string, dataset: string) {
  try {
    const empty = await galaxy.form(tool, history, {});
    return await galaxy.form(tool, history, { [datasetInput(empty)]: dataset });
  } catch (error) {
    if (error instanceof GalaxyError && error.status !== 0) return [];
    throw error;
  }
}

/** Return the user's sessions of this dataset (or a copy of it) that have not ended, the latest first. */
export async function sessionsOf(galaxy: Galaxy, dataset: Dataset, tool: Tool): Promise<Session[]> {
  const [jobs, entryPoints] = await Promise.all([galaxy.jobs(tool.id), galaxy.runningEntryPoints()]);
  // Jobs of other versions of a tool from a ToolShed have another tool id; they are found by their entry points.
  const ids = new Set([...jobs.map((j) => j.id), ...entryPoints.map((e) => e.job_id)]);
  const found = await Promise.all([...ids].slice(0, MAX_JOBS).map((id) => galaxy.job(id).catch(() => null)));
  return (
    found
      .filter((job) => job !== null)
      // a session may be stopped between the two requests
      .filter((job) => ALIVE.has(job.state))
      .filter((job) => sameTool(job.tool_id, tool.id) && opens(job, dataset))
      .map((job) => ({ job: job.id, state: job.state, began: utc(job.create_time) }))
      .sort((a, b) => b.began.getTime() - a.began.getTime())
  );
}

/** Return whether two ids are of the same tool, in any versions. */
function sameTool(a: string, b: string): boolean {
  return shortId(a) === shortId(b);
}

/** Return TOOL of SERVER/repos/OWNER/REPOSITORY/TOOL/VERSION. */
function shortId(id: string): string {
  const parts = id.split('/');
  return parts.length > 4 ? (parts.at(-2) ?? id) : id;
}

/** Return whether a job has a dataset as input, or a copy of it: that has another id and the same uuid. */
function opens(job: Job, dataset: Dataset): boolean {
  return Object.values(job.inputs ?? {}).some(
    (input) => input.id === dataset.id || (dataset.uuid != null && input.uuid === dataset.uuid),
  );
}

/** Parse a time of Galaxy, which is UTC without a time zone. */
export function utc(time: string): Date {
  return new Date(/[Z+]/.test(time) ? time : `${time}Z`);
}
