/** A fake Galaxy for tests, with recorded answers. */

import { expect } from 'vitest';
import recorded from './answers.json';
import { Galaxy } from './galaxy';
import { Problem } from './problem';
import type { Clock } from './session';

/** Answers of a Galaxy 26.1.2, recorded. */
export type Name = keyof typeof recorded;
export interface Answer {
  status: number;
  body: unknown;
}

export const HOME = 'http://localhost:8080/';
export const TOOL = 'interactive_tool_starcyte';
export const DATASET = recorded.dataset.body.id;
export const JOB = recorded.run.body.jobs[0]!.id;
export const TARGET = recorded.entry_active.body[0]!.target;
export const HEALTHY: Answer = { status: 200, body: { app: 'starcyte', state: 'ready' } };

/** A Galaxy with recorded answers. Several answers of one request are used in turn, the last one repeatedly. */
export class Fake {
  readonly asked: string[] = [];
  readonly sent: unknown[] = [];
  readonly forms: FormData[] = [];
  #routes: [RegExp, (Answer | Error)[]][] = [];

  on(request: RegExp, ...answers: (Name | Answer | Error)[]): this {
    this.#routes.unshift([request, answers.map((a) => (typeof a === 'string' ? recorded[a] : a))]);
    return this;
  }

  readonly galaxy = new Galaxy(HOME, HOME, async (url, init) => {
    const request = `${init.method ?? 'GET'} ${url.replace(HOME, '')}`;
    this.asked.push(request);
    if (init.body instanceof FormData) this.forms.push(init.body);
    if (typeof init.body === 'string') this.sent.push(JSON.parse(init.body));
    const [, answers] = this.#routes.find(([pattern]) => pattern.test(request)) ?? [];
    if (!answers) throw new Error(`no answer for ${request}`);
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer instanceof Error) throw answer;
    const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    return new Response(body, { status: answer.status });
  });
}

/** A Galaxy with the dataset in a history of the user, the tool installed and no job running. */
export function usual(): Fake {
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

export function changed(name: Name, changes: object): Answer {
  const { status, body } = recorded[name];
  return { status, body: { ...body, ...changes } };
}

/** A clock whose sleep returns at once. */
export class InstantClock implements Clock {
  time = 0;
  now() {
    return this.time;
  }
  async sleep(milliseconds: number, signal: AbortSignal) {
    signal.throwIfAborted();
    this.time += milliseconds;
  }
}

export const neverAborted = new AbortController().signal;

export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}
