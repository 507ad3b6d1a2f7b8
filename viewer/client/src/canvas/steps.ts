/** Work on many cells in steps, so that the page answers meanwhile. */

/** Cells looked at in one step: a few milliseconds, also where the browser has not compiled it yet. */
export const AT_ONCE = 20_000;
/** Steps are taken for so long (ms) before what the user does has its turn. */
const TURN = 8;

/** Do something to n cells, to those from one to another in each step. */
export function* inPieces(n: number, work: (from: number, to: number) => void): Generator<undefined, void> {
  for (let from = 0; from < n; from += AT_ONCE) {
    if (from) yield;
    work(from, Math.min(n, from + AT_ONCE));
  }
}

/** Go through all steps at once. */
export function whole<T>(steps: Generator<undefined, T>): T {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** Go through steps, a turn of them in each task; what the user does comes between. Returns the way to stop. */
export function inSteps<T>(steps: Generator<undefined, T>, done: (made: T) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const go = () => {
    const step = turn(steps);
    if (step.done) done(step.value);
    else timer = setTimeout(go);
  };
  timer = setTimeout(go);
  return () => clearTimeout(timer);
}

/** The same for who awaits it; what takes no longer than a turn is made at once. */
export async function stepwise<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const step = turn(steps);
    if (step.done) return step.value;
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function turn<T>(steps: Generator<undefined, T>): IteratorResult<undefined, T> {
  const end = performance.now() + TURN;
  let step = steps.next();
  while (!step.done && performance.now() < end) step = steps.next();
  return step;
}
