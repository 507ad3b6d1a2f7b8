/** The open session of each dataset in this browser tab, so that a reload shows it again. */

const KEY = 'starcyte:visualize:';

export interface Memory {
  get(dataset: string): string | null;
  set(dataset: string, job: string): void;
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
    get: (dataset) => guarded((s) => s.getItem(KEY + dataset)),
    set: (dataset, job) => void guarded((s) => s.setItem(KEY + dataset, job)),
    forget: (dataset) => void guarded((s) => s.removeItem(KEY + dataset)),
  };
}
