/** An error with a hint for the user. */
export class Problem extends Error {
  override name = 'Problem';

  constructor(
    readonly title: string,
    /** The problem. */
    message: string,
    /** The solution. */
    readonly hint: string,
    readonly more: {
      /** The output of the job. */
      log?: string;
      /** A page of Galaxy that helps. */
      link?: { label: string; path: string };
      /** Whether to offer another attempt. */
      again?: boolean;
      /** The job of a session that is running, to be stopped. */
      stop?: string;
    } = {},
  ) {
    super(message);
  }
}

/** Convert a thrown value to a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Problem(
    'An error occurred',
    message,
    'Try again in a moment. If it happens again, tell your Galaxy administrator.',
    {
      again: true,
    },
  );
}
