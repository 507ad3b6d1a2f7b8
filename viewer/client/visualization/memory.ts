/** The open session of each dataset in this browser tab, so that a reload shows it again. */

const KEY = 'starcyte:visualize:';

export interface Remembered {
  job: string;
  /** The address of its page, which Galaxy gives for running jobs only. */
  target?: string;
}

export interface Memory {
  get(dataset: string): Remembered | null;
  set(dataset: string, session: Remembered): void;
  forget(dataset: string): void;
}

/** Return a memory in the session storage of the tab; without storage, nothing is stored. */
export function tabMemory(storage: () => Storage): Memory {
  const guarded = <T>(act: (s: Storage) => T): T | null => {
    try {
      return act(storage());
    } catch {
      return null;
    }
  };
  return {
    get: (dataset) => guarded((s) => JSON.parse(s.getItem(KEY + dataset) ?? 'null') as Remembered | null),
    set: (dataset, session) => void guarded((s) => s.setItem(KEY + dataset, JSON.stringify(session))),
    forget: (dataset) => void guarded((s) => s.removeItem(KEY + dataset)),
  };
}
