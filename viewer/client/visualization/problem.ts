/** What stands in the way of a session, said so that its reader knows what to do. */
export class Problem extends Error {
  override name = 'Problem';

  constructor(
    readonly title: string,
    /** What happened. */
    message: string,
    /** What to do. */
    readonly hint: string,
    readonly more: {
      /** Lines that a program wrote. */
      log?: string;
      /** One of Galaxy's pages that helps. */
      link?: { label: string; path: string };
      /** Whether trying again may help. */
      again?: boolean;
    } = {},
  ) {
    super(message);
  }
}

/** Any thrown thing as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Problem(
    'That did not work',
    message,
    'Try again in a moment. If it goes on, tell your Galaxy administrator.',
    {
      again: true,
    },
  );
}
