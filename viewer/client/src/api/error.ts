/** An error of the server, or of the client in the same format. */
export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    readonly code: string,
    message: string,
    readonly hint: string = '',
    readonly status: number = 0,
    /** The whole answer; that of a conflict has the current version. */
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** Return whether an error means that the request was aborted. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Convert a thrown value to an error that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError('client', message, 'Reload the page. If it happens again, please report it.');
}

/** Return the error in an answer; of an answer in another format (that of a proxy), an error with its status. */
export async function errorOf(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as {
      readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly hint?: unknown };
    };
    if (body.error && typeof body.error.message === 'string') {
      return new ApiError(
        String(body.error.code ?? `http_${response.status}`),
        body.error.message,
        typeof body.error.hint === 'string' ? body.error.hint : '',
        response.status,
        body,
      );
    }
  } catch {
    // The body is not JSON: only the status is known.
  }
  return new ApiError(
    `http_${response.status}`,
    `The server answered ${response.status} ${response.statusText}`.trim(),
    'The server may have been stopped or restarted. Reload the page.',
    response.status,
  );
}
