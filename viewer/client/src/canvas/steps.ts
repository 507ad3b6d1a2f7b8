/** Work on many cells in steps, so that the page answers meanwhile. */

/** Cells looked at in one step: a few milliseconds. */
export const AT_ONCE = 100_000;

/** Go through all steps at once. */
export function whole<T>(steps: Generator<undefined, T>): T {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/** Go through steps, each a task of its own; what the user does comes between. Returns the way to stop. */
export function inSteps<T>(steps: Generator<undefined, T>, done: (made: T) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const go = () => {
    const step = steps.next();
    if (step.done) done(step.value);
    else timer = setTimeout(go);
  };
  timer = setTimeout(go);
  return () => clearTimeout(timer);
}
