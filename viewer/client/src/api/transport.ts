/** Where answers come from: a server over HTTP, a folder of static files, the kernel of a notebook. */
import type { ApiError } from './error';

export interface Transport {
  /** Called with the error of a server that has too many requests, and with null once it answers again. */
  onBusy: (busy: ApiError | null) => void;
  /** Called with whether the server is unreachable; requests that only read are then repeated. */
  onLost: (lost: boolean) => void;
  /** Called when the file of the dataset was changed or is gone: the page cannot go on. */
  onOver: (error: ApiError) => void;
  /** The state of the file that the page shows; requests for another state are refused. */
  revision: string | null;
  /** Whether answers take long for their size, so that less is asked for first. */
  readonly isSlow: boolean;
  /** Whether to wait for a server that is unreachable. False until the page is open. */
  patient: boolean;

  /**
   * Return the response of a request, or throw the `ApiError` that it is answered with.
   *
   * @param path - below `api/v1/`, with its query
   * @param giveUp - stops the repetition of a request; by default the signal of `init`
   */
  fetch(path: string, init: RequestInit, giveUp?: AbortSignal | null): Promise<Response>;

  /** The URL of a path, for links and images. */
  address(path: string): string;
}
