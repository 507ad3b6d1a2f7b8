/** An answer that is not the one asked for, in the shape every error of the server has. */
export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    readonly code: string,
    message: string,
    readonly hint: string = '',
    readonly status: number = 0,
    /** The whole answer, where it says more: of a conflict, what stands. */
    readonly body: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** Whether an error only says that nobody waits for the answer any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Any thrown thing as an error that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError('client', message, 'Reload the page. If it happens again, please report it.');
}

/** The error an answer carries, or one made of its status where the body is not ours (a proxy's page, say). */
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
    // Not JSON: the status is all there is to say.
  }
  return new ApiError(
    `http_${response.status}`,
    `The server answered ${response.status} ${response.statusText}`.trim(),
    'It may have been stopped or restarted. Reload the page.',
    response.status,
  );
}
