import { MediaQuery } from 'svelte/reactivity';
import { COLORMAPS, type ColormapName } from '../../color/colormaps';
import type { Theme } from '../../color/lut';

/** The display settings of a user for all datasets: stored in the browser, and not undone. */
export interface Choices {
  readonly theme: 'system' | Theme;
  readonly pointSize: number;
  readonly opacity: number | null;
  readonly colormap: ColormapName;
  /** Whether the colour map is reversed. */
  readonly reversed: boolean;
  /** The colours of categories: those of the file, or a colour-blind safe palette. */
  readonly palette: 'file' | 'safe';
  /** Whether the names of categories are on the plot. */
  readonly names: boolean;
  /** Whether contours of density are drawn. */
  readonly contours: boolean;
  /** Whether the gallery of categories has the colours of the plot, and whether other cells are behind in grey. */
  readonly galleryColored: boolean;
  readonly galleryOthers: boolean;
  /** Whether sections of tissue are drawn to one scale. */
  readonly galleryOneScale: boolean;
  /** Whether the first steps are shown. */
  readonly hint: boolean;
  /** Whether keys of one letter are shortcuts: speech input and slips of the hand press them. */
  readonly letterKeys: boolean;
  /** The widths of the panels in pixels; null: the usual ones. */
  readonly leftWidth: number | null;
  readonly rightWidth: number | null;
}

/** The limits of the width of a panel in pixels. */
export const LEAST_PANEL = 240;
export const MOST_PANEL = 800;

const KEY = 'starcyte.preferences';
const INITIAL: Choices = {
  theme: 'system',
  pointSize: 1,
  opacity: null,
  colormap: 'viridis',
  reversed: false,
  palette: 'file',
  names: true,
  contours: false,
  galleryColored: false,
  galleryOthers: true,
  galleryOneScale: true,
  hint: true,
  letterKeys: true,
  leftWidth: null,
  rightWidth: null,
};

function isChoice<K extends keyof Choices>(key: K, value: unknown): value is Choices[K] {
  if (key === 'theme') return value === 'system' || value === 'light' || value === 'dark';
  if (key === 'opacity') return value === null || (typeof value === 'number' && value > 0 && value <= 1);
  if (key === 'leftWidth' || key === 'rightWidth') {
    return value === null || (typeof value === 'number' && value >= LEAST_PANEL && value <= MOST_PANEL);
  }
  if (key === 'pointSize') return typeof value === 'number' && value >= 0.25 && value <= 4;
  if (key === 'colormap') return (COLORMAPS as readonly unknown[]).includes(value);
  if (key === 'palette') return value === 'file' || value === 'safe';
  return typeof value === 'boolean';
}

function stored(): Choices {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Record<string, unknown>;
    const valid = Object.keys(INITIAL).filter((key) => isChoice(key as keyof Choices, found[key]));
    return { ...INITIAL, ...Object.fromEntries(valid.map((key) => [key, found[key]])) };
  } catch {
    // Browsers may deny storage to a frame of another origin.
    return INITIAL;
  }
}

class Preferences {
  choices = $state.raw<Choices>(stored());
  /** Whether plots are drawn for paper, which is light; "page" while the page itself is, as to draw a part of it. */
  paper = $state<'plots' | 'page' | null>(null);
  private readonly systemDark = new MediaQuery('prefers-color-scheme: dark');
  private readonly coarse = new MediaQuery('pointer: coarse');

  /** The theme of the plots. */
  get theme(): Theme {
    return this.paper === null ? this.chosenTheme : 'light';
  }

  /** The theme of all else. */
  get pageTheme(): Theme {
    return this.paper === 'page' ? 'light' : this.chosenTheme;
  }

  private get chosenTheme(): Theme {
    if (this.choices.theme !== 'system') return this.choices.theme;
    return this.systemDark.current ? 'dark' : 'light';
  }

  /** Whether the page is used with fingers. */
  get hasFingers(): boolean {
    return this.coarse.current;
  }

  set(change: Partial<Choices>): void {
    this.choices = { ...this.choices, ...change };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.choices));
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
  }

  /** Return the colours of categories; null for the palette of the page. */
  colorsOf(colors: readonly string[] | null | undefined): readonly string[] | null {
    return this.choices.palette === 'file' ? (colors ?? null) : null;
  }

  switchTheme(): void {
    this.set({ theme: this.chosenTheme === 'dark' ? 'light' : 'dark' });
  }
}

export const preferences = new Preferences();
