/** The part of Galaxy's HTTP interface that this page uses. */

/** An error of Galaxy. */
export class GalaxyError extends Error {
  override name = 'GalaxyError';

  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export interface Dataset {
  id: string;
  name: string;
  uuid?: string | null;
  extension: string;
  state: string;
  file_size?: number | null;
  history_id: string;
  deleted?: boolean;
  purged?: boolean;
  /** The summary in the history: for an h5ad the numbers of cells and genes and the names of columns. */
  peek?: string | null;
}

/** The current user; without an id if nobody is logged in. */
export interface User {
  id?: string | null;
  is_admin?: boolean;
}

export interface History {
  id: string;
  name: string;
  user_id?: string | null;
  deleted?: boolean;
  purged?: boolean;
  archived?: boolean;
}

export interface Tool {
  id: string;
  name: string;
  version: string;
}

interface Reference {
  id: string;
  src?: string;
  uuid?: string | null;
}

export interface Job {
  id: string;
  state: string;
  tool_id: string;
  create_time: string;
  history_id?: string | null;
  exit_code?: number | null;
  inputs?: Record<string, Reference>;
  outputs?: Record<string, Reference>;
  tool_stderr?: string | null;
  stderr?: string | null;
}

export interface EntryPoint {
  id: string;
  job_id: string;
  active: boolean;
  target?: string | null;
}

/** A file to be added to a history. */
export interface Upload {
  name: string;
  /** The datatype of Galaxy. */
  datatype: string;
  content: string;
}

/**
 * The program that answers at the address of a session: starcyte, another one, gx-it-proxy itself (which does not reach
 * the job yet), none, or one whose answer cannot be read.
 */
export type Answering = 'starcyte' | 'another' | 'proxy' | 'none' | 'unknown';

/** An input of the form of a tool. */
export interface FormInput {
  name: string;
  type: string;
  label?: string | null;
  title?: string | null;
  help?: string | null;
  value?: unknown;
  optional?: boolean;
  multiple?: boolean;
  hidden?: boolean;
  min?: number | null;
  max?: number | null;
  extensions?: string[];
  inputs?: FormInput[];
  options?: unknown;
}

/** The fields of a dataset that are requested. All metadata would include the name of every cell. */
const DATASET_FIELDS = 'uuid,file_size,peek';

/** States in which a job has not ended. */
export const ALIVE = new Set(['new', 'upload', 'waiting', 'queued', 'running', 'resubmitted', 'paused']);
/** States of a job that is being stopped. */
export const ENDING = new Set(['stop', 'stopped', 'deleting']);

/** In the answer of gx-it-proxy for a session that it does not reach. */
const OF_THE_PROXY = 'Proxy target missing';

export class Galaxy {
  readonly #root: URL;

  /** `root` is the root of Galaxy, `base` the URL that it is relative to. */
  constructor(
    root: string,
    base: string,
    private readonly request: (url: string, init: RequestInit) => Promise<Response>,
  ) {
    this.#root = new URL(root.endsWith('/') ? root : `${root}/`, base);
  }

  /** Return the URL of a path below the root of Galaxy. */
  address(path: string): string {
    return new URL(path, this.#root).href;
  }

  /** Return the path of a page of Galaxy below its root; empty for any other URL. */
  pathOf(address: string): string {
    return address.startsWith(this.#root.href) ? `/${address.slice(this.#root.href.length)}` : '';
  }

  user(): Promise<User> {
    return this.#call('api/users/current');
  }

  dataset(id: string): Promise<Dataset> {
    return this.#call(`api/datasets/${encodeURIComponent(id)}?view=summary&keys=${DATASET_FIELDS}`);
  }

  history(id: string): Promise<History> {
    return this.#call(`api/histories/${encodeURIComponent(id)}?keys=id,name,user_id,deleted,purged,archived`);
  }

  /** Fetch the current history of the user; Galaxy creates one if there is none. */
  currentHistory(): Promise<History> {
    return this.#call('history/current_history_json');
  }

  /** Fetch a tool by its id; one from a ToolShed is found by its short id as well. */
  tool(id: string): Promise<Tool> {
    return this.#call(`api/tools/${encodePath(id)}`);
  }

  async form(tool: Tool, history: string, filled: Record<string, string>): Promise<FormInput[]> {
    const query = new URLSearchParams({ history_id: history, tool_version: tool.version, ...filled });
    const form = await this.#call<{ inputs?: FormInput[] }>(`api/tools/${encodePath(tool.id)}/build?${query}`);
    return form.inputs ?? [];
  }

  /** Return whether interactive tools are enabled; undefined if unknown. */
  async interactiveTools(): Promise<boolean | undefined> {
    const config = await this.#call<{ interactivetools_enable?: unknown }>('api/configuration');
    return typeof config.interactivetools_enable === 'boolean' ? config.interactivetools_enable : undefined;
  }

  /** List the user's jobs of a tool that have not ended, the latest first. */
  jobs(tool: string): Promise<Job[]> {
    const query = new URLSearchParams({ tool_id: tool, order_by: 'create_time', limit: '20' });
    for (const state of ALIVE) query.append('state', state);
    return this.#call(`api/jobs?${query}`);
  }

  job(id: string): Promise<Job> {
    return this.#call(`api/jobs/${encodeURIComponent(id)}?full=true`);
  }

  entryPoints(job: string): Promise<EntryPoint[]> {
    return this.#call(`api/entry_points?job_id=${encodeURIComponent(job)}`);
  }

  /** List the entry points of the user's jobs that have not ended. */
  runningEntryPoints(): Promise<EntryPoint[]> {
    return this.#call('api/entry_points?running=true');
  }

  /** Run a tool and return the id of its job. */
  async run(tool: Tool, history: string, inputs: Record<string, unknown>): Promise<string> {
    const answer = await this.#call<{ jobs?: { id: string }[]; errors?: unknown[] }>('api/tools', 'POST', {
      tool_id: tool.id,
      tool_version: tool.version,
      history_id: history,
      inputs,
    });
    const job = answer.jobs?.[0]?.id;
    if (!job) throw new GalaxyError(messageIn(answer.errors) ?? 'Galaxy did not start a job.', 200);
    return job;
  }

  /** Stop a session by its entry point; its outputs are kept. */
  stop(entryPoint: string): Promise<unknown> {
    return this.#call(`api/entry_points/${encodeURIComponent(entryPoint)}`, 'DELETE');
  }

  /** Cancel a job that has not started. */
  cancel(job: string): Promise<unknown> {
    return this.#call(`api/jobs/${encodeURIComponent(job)}`, 'DELETE');
  }

  /** Fetch the datatype and the size of a file. */
  file(dataset: string): Promise<{ extension: string; file_size?: number | null }> {
    return this.#call(`api/datasets/${encodeURIComponent(dataset)}?view=summary&keys=extension,file_size`);
  }

  /** Delete a dataset; its user can restore it. */
  remove(history: string, dataset: string): Promise<unknown> {
    const path = `api/histories/${encodeURIComponent(history)}/contents/datasets/${encodeURIComponent(dataset)}`;
    return this.#call(path, 'PUT', { deleted: true });
  }

  /** Add files to a history, and return their datasets. */
  async upload(history: string, files: readonly Upload[]): Promise<{ id: string; name: string }[]> {
    const elements = files.map(({ name, datatype }) => ({ src: 'files', name, ext: datatype, dbkey: '?' }));
    const form = new FormData();
    form.set('history_id', history);
    form.set('targets', JSON.stringify([{ destination: { type: 'hdas' }, elements }]));
    files.forEach(({ name, content }, i) => {
      form.set(`files_${i}|file_data`, new Blob([content]), name);
    });
    const answer = await this.#call<{ outputs?: { id: string; name: string }[] }>('api/tools/fetch', 'POST', form);
    return answer.outputs ?? [];
  }

  /** Fetch the message of the job of a dataset, for a job that ended before its tool started. */
  async note(dataset: string): Promise<string> {
    const found = await this.#call<{ misc_info?: string | null }>(
      `api/datasets/${encodeURIComponent(dataset)}?view=summary&keys=misc_info`,
    );
    return found.misc_info ?? '';
  }

  /** Fetch a file from a session; undefined if it does not answer. */
  async fromSession(target: string, path: string): Promise<string | undefined> {
    try {
      const response = await this.request(within(target, path), ofSession(60_000));
      return response.ok ? await response.text() : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Return which program answers at the address of a session.
   *
   * Galaxy calls a session active once its port is known, before it is reachable. For a session that the proxy does not
   * know yet, it may answer with another page of the machine.
   */
  async probe(target: string): Promise<Answering> {
    const url = within(target, 'api/v1/health');
    const init = ofSession(10_000);
    try {
      const response = await this.request(url, init);
      if (response.status >= 500) return (await response.text()).includes(OF_THE_PROXY) ? 'proxy' : 'none';
      const health: unknown = await response.json().catch(() => null);
      const app = health && typeof health === 'object' && 'app' in health ? health.app : undefined;
      return app === 'starcyte' ? 'starcyte' : 'another';
    } catch {
      if (new URL(url).origin === this.#root.origin) return 'none';
    }
    try {
      // On another host, without CORS: only the existence of an answer can be seen.
      await this.request(url, { ...init, mode: 'no-cors' });
      return 'unknown';
    } catch {
      return 'none';
    }
  }

  async #call<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
    const init: RequestInit = { method, credentials: 'same-origin', headers: { Accept: 'application/json' } };
    if (body instanceof FormData) init.body = body;
    else if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { ...init.headers, 'Content-Type': 'application/json' };
    }
    let response: Response;
    try {
      response = await this.request(this.address(path), init);
    } catch {
      throw new GalaxyError('Galaxy does not answer.', 0);
    }
    const text = await response.text();
    let answer: unknown;
    try {
      answer = text ? JSON.parse(text) : null;
    } catch {
      answer = null;
      if (response.ok) throw new GalaxyError('Galaxy gave an answer that is not JSON.', 502);
    }
    if (!response.ok) {
      throw new GalaxyError(messageIn(answer) ?? `Galaxy answered ${response.status}.`, response.status);
    }
    return answer as T;
  }
}

/** Return the URL of a path below the address of a session. */
function within(target: string, path: string): string {
  return new URL(path, target.endsWith('/') ? target : `${target}/`).href;
}

/** Return the parameters of a request to a session, which must not get the cookies of Galaxy. */
function ofSession(timeout: number): RequestInit {
  return { credentials: 'omit', cache: 'no-store', signal: AbortSignal.timeout(timeout) };
}

/** Encode an id; slashes in the id of a ToolShed tool are part of the path. */
function encodePath(id: string): string {
  return id.split('/').map(encodeURIComponent).join('/');
}

/** Return the message in an error of Galaxy, which has several formats. */
function messageIn(answer: unknown): string | undefined {
  if (typeof answer === 'string') return answer || undefined;
  if (Array.isArray(answer)) return answer.map(messageIn).find((m) => m !== undefined);
  if (!answer || typeof answer !== 'object') return undefined;
  const { err_msg, message, detail } = answer as Record<string, unknown>;
  return messageIn(err_msg) ?? messageIn(message) ?? messageIn(detail);
}
