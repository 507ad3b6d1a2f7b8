import { MediaQuery } from 'svelte/reactivity';
import { COLORMAPS, type ColormapName } from '../../color/colormaps';
import type { Theme } from '../../color/lut';

/** How the page looks, which is the user's and not the dataset's: remembered, and no part of undo. */
export interface Choices {
  readonly theme: 'system' | Theme;
  readonly pointSize: number;
  readonly opacity: number | null;
  readonly colormap: ColormapName;
  /** Whether the colour map runs from high to low. */
  readonly reversed: boolean;
  /** The colours of categories: those of the file, or a palette that everybody can tell apart. */
  readonly palette: 'file' | 'safe';
  readonly labels: boolean;
  /** Whether tissue is shown under the cells, where there is a picture of it. */
  readonly tissue: boolean;
  /** Whether lines of equal density are drawn. */
  readonly contours: boolean;
  /** Whether the first steps are still to be told. */
  readonly hint: boolean;
}

const KEY = 'starcyte.preferences';
const INITIAL: Choices = {
  theme: 'system',
  pointSize: 1,
  opacity: null,
  colormap: 'viridis',
  reversed: false,
  palette: 'file',
  labels: true,
  tissue: true,
  contours: false,
  hint: true,
};

function isChoice<K extends keyof Choices>(key: K, value: unknown): value is Choices[K] {
  if (key === 'theme') return value === 'system' || value === 'light' || value === 'dark';
  if (key === 'opacity') return value === null || (typeof value === 'number' && value > 0 && value <= 1);
  if (key === 'pointSize') return typeof value === 'number' && value >= 0.25 && value <= 4;
  if (key === 'colormap') return (COLORMAPS as readonly unknown[]).includes(value);
  if (key === 'palette') return value === 'file' || value === 'safe';
  return typeof value === 'boolean';
}

function remembered(): Choices {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, unknown>;
    const valid = Object.keys(INITIAL).filter((key) => isChoice(key as keyof Choices, kept[key]));
    return { ...INITIAL, ...Object.fromEntries(valid.map((key) => [key, kept[key]])) };
  } catch {
    // A frame of another origin may be refused its storage: then nothing is remembered.
    return INITIAL;
  }
}

class Preferences {
  choices = $state.raw<Choices>(remembered());
  private readonly systemDark = new MediaQuery('prefers-color-scheme: dark');

  /** The theme shown. */
  get theme(): Theme {
    if (this.choices.theme !== 'system') return this.choices.theme;
    return this.systemDark.current ? 'dark' : 'light';
  }

  set(change: Partial<Choices>): void {
    this.choices = { ...this.choices, ...change };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.choices));
    } catch {
      // Without storage the choice holds until the page is closed.
    }
  }

  /** The colours that categories are shown in; null asks for the safe palette. */
  colorsOf(colors: readonly string[] | null | undefined): readonly string[] | null {
    return this.choices.palette === 'file' ? (colors ?? null) : null;
  }

  switchTheme(): void {
    this.set({ theme: this.theme === 'dark' ? 'light' : 'dark' });
  }
}

export const preferences = new Preferences();
