/** The figure that the user puts together, kept in the browser: it is there again after a reload of the page in its tab. */
import type { FigureDraft, FigureLayout, FigurePanel } from './figure.svelte';

/** A panel as it is kept: its last drawing, which is made larger or smaller from then on. */
export interface KeptPanel extends Pick<FigurePanel, 'title' | 'legend' | 'span' | 'height'> {
  /** The title and the figure legend of the plot. */
  readonly plot: { readonly title: string; readonly text: string };
  /** The text of its SVG. */
  readonly svg: string;
}

export interface KeptFigure {
  readonly version: 1;
  /** Milliseconds since 1970. */
  readonly saved: number;
  readonly layout: FigureLayout;
  readonly panels: readonly KeptPanel[];
}

const [DATABASE, STORE, VERSION] = ['starcyte', 'figures', 1];
/** The limit of the characters of all drawings of a figure. */
export const MOST_CHARACTERS = 60_000_000;
/** Figures of tabs that were closed are dropped after so many milliseconds. */
const LONGEST = 14 * 24 * 3600 * 1000;
const TAB = 'starcyte.tab';

/** A request, of which only the result is asked for. */
type Asked<T> = Pick<IDBRequest<T>, 'result'>;

/** Return the key of the figure of this tab and a dataset. */
export function keyOfFigure(fingerprint: string): string {
  let tab = sessionStorage.getItem(TAB);
  if (!tab) {
    tab = [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join('');
    sessionStorage.setItem(TAB, tab);
  }
  return `${tab} ${location.pathname} ${fingerprint}`;
}

/** Return as much of a figure as is kept: the first panels, whose drawings have no more characters than the limit. */
export function keptOf({ panels, layout }: FigureDraft, drawings: readonly string[], now: number): KeptFigure {
  let free = MOST_CHARACTERS;
  const kept: KeptPanel[] = [];
  for (const [k, { source, title, legend, span, height }] of panels.entries()) {
    const svg = drawings[k];
    if (svg === undefined || svg.length > free) break;
    free -= svg.length;
    kept.push({ plot: { title: source.title, text: source.text }, title, legend, span, height, svg });
  }
  return { version: 1, saved: now, layout, panels: kept };
}

/** Return the figure that was kept; null if there is none, or the browser keeps nothing. */
export async function readFigure(key: string): Promise<KeptFigure | null> {
  const found = await inStore('readonly', (store): Asked<KeptFigure | undefined> => store.get(key));
  return found?.version === 1 ? found : null;
}

/** Keep a figure, or none, and drop those of tabs closed long ago. */
export async function keepFigure(key: string, figure: KeptFigure): Promise<void> {
  await inStore('readwrite', (store): Asked<unknown> => {
    const walk = store.openCursor();
    walk.onsuccess = () => {
      const cursor = walk.result;
      if (!cursor) return;
      if ((cursor.value as KeptFigure).saved < figure.saved - LONGEST) cursor.delete();
      cursor.continue();
    };
    return figure.panels.length > 0 ? store.put(figure, key) : store.delete(key);
  });
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => Asked<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}
