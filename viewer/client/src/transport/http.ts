/** Answers of a starcyte server over HTTP. Its addresses are relative: the page works below any prefix. */
import { ApiError, errorOf, isAbort } from '../api/error';
import { sleep } from '../api/sleep';
import type { Transport } from '../api/transport';

/** Milliseconds between two attempts to reach a server. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;
// What is asked for is there as soon as it is open, or indexed.
const LONGEST_LOADING_WAIT = 2000;

/** Seconds to wait for a busy server without a `Retry-After`. */
const RETRY = 2;

/** Bytes a second below which a line is slow: compression takes less time than it saves. */
const SLOW = 5_000_000;
/** Bytes from which on the time of an answer is that of the line. */
const ENOUGH = 30_000;

export class HttpTransport implements Transport {
  onBusy: (busy: ApiError | null) => void = () => {};
  onLost: (lost: boolean) => void = () => {};
  onOver: (error: ApiError) => void = () => {};
  revision: string | null = null;
  patient = false;
  /** Identifies this load of the page, so that the server can share its work between users. */
  private readonly page = randomName();

  /** Whether the newest large answers, first of all the files of the page, took long for their size. */
  get isSlow(): boolean {
    const entries = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    const measured = entries.filter(
      ({ transferSize, encodedBodySize }) => transferSize > 0 && encodedBodySize > ENOUGH,
    );
    const newest = measured.at(-1);
    if (!newest) return false;
    const seconds = (newest.responseEnd - newest.responseStart) / 1000;
    return newest.encodedBodySize < SLOW * seconds;
  }

  address(path: string): string {
    return `api/v1/${path}`;
  }

  /**
   * Send a request. It is repeated while the server has too many requests and, once the page is open, a GET request also
   * while the server is unreachable.
   */
  async fetch(path: string, init: RequestInit, giveUp = init.signal): Promise<Response> {
    const headers = {
      ...init.headers,
      'X-Starcyte-Client': this.page,
      ...(this.isSlow ? { 'Save-Data': 'on' } : {}),
      ...(this.revision ? { 'X-Starcyte-Revision': this.revision } : {}),
    };
    const patient = this.patient && (init.method ?? 'GET') === 'GET';
    let wait = FIRST_WAIT;
    while (true) {
      const answer = await this.send(this.address(path), { ...init, headers }).catch((error: unknown) => {
        if (patient && error instanceof ApiError) return error;
        throw error;
      });
      const error = answer instanceof ApiError ? answer : answer.ok ? null : await errorOf(answer);
      if (patient && error && isAway(error)) {
        this.onLost(true);
        await sleep(wait, giveUp);
        wait = Math.min(2 * wait, LONGEST_WAIT);
        continue;
      }
      if (patient) this.onLost(false);
      if (error?.code === 'dataset_changed') this.onOver(error);
      if (error?.code === 'dataset_loading' && this.revision) {
        // The catalog had closed the dataset, and is opening it again; or a gene waits for the index of a matrix.
        await sleep(wait, giveUp);
        wait = Math.min(2 * wait, LONGEST_LOADING_WAIT);
        continue;
      }
      if (answer instanceof ApiError) throw answer;
      if (!error) return answer;
      if (answer.status !== 429) throw error;
      this.onBusy(error);
      const seconds = Number(answer.headers.get('Retry-After')) || RETRY;
      try {
        await sleep(1000 * seconds, giveUp);
      } finally {
        this.onBusy(null);
      }
    }
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, init);
    } catch (error) {
      if (isAbort(error)) throw error;
      throw new ApiError(
        'unreachable',
        'The viewer’s server cannot be reached.',
        'It may have been stopped, or the connection was lost. Check it and reload the page.',
      );
    }
  }
}

/** Return whether the server is unreachable: there is no connection, or a proxy cannot reach it. */
function isAway({ code }: ApiError): boolean {
  return code === 'unreachable' || code === 'http_502' || code === 'http_503' || code === 'http_504';
}

/** Return a random name. `randomUUID` exists on pages with HTTPS only. */
function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
