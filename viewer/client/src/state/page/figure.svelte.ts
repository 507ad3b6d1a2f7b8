/** The figure that the user puts together of panels; its panels stay as they were added. */
import type { Letters, Style } from '../../ui/drawing/composed';
import type { LegendPlace, PanelSource, PanelTaker } from '../../ui/drawing/panel';
import { RESOLUTIONS, WIDTHS } from '../../ui/drawing/paper';
import { preferences } from './preferences.svelte';

export interface FigurePanel {
  readonly id: number;
  readonly source: PanelSource;
  readonly title: string;
  readonly legend: LegendPlace;
  /** The columns that it takes. */
  readonly span: number;
  /** Millimetres; null: as high as suits the plot. */
  readonly height: number | null;
}

export interface FigureLayout extends Style {
  /** Millimetres. */
  readonly width: number;
  /** Millimetres; null: as high as its panels. */
  readonly height: number | null;
  readonly columns: number;
  /** Whether axes have their labels. */
  readonly axes: boolean;
  /** Whether panels that are coloured by genes have one colour scale. */
  readonly shared: boolean;
  readonly transparent: boolean;
  readonly dpi: number;
}

export interface FigureDraft {
  readonly panels: readonly FigurePanel[];
  readonly layout: FigureLayout;
}

/** The limits of sizes in millimetres, and of text in points. */
export const LEAST_MM = 20;
export const MOST_MM = 600;
export const LEAST_POINTS = 4;
export const MOST_POINTS = 24;
export const MOST_COLUMNS = 4;
/** The limit of panels, whose data are in memory. */
export const MOST_PANELS = 26;
const MOST_STEPS = 100;

const INITIAL: FigureDraft = {
  panels: [],
  layout: {
    width: WIDTHS[2],
    height: null,
    columns: 2,
    font: 'Helvetica',
    points: 7,
    letters: 'lower' satisfies Letters,
    titles: true,
    axes: true,
    shared: false,
    transparent: false,
    dpi: RESOLUTIONS[0],
  },
};

export class FigureEditing implements PanelTaker {
  draft = $state.raw<FigureDraft>(INITIAL);
  /** Whether the editor is open. */
  open = $state(false);
  /** The last panels that the browser does not keep, as they are too large. */
  nNotKept = $state(0);
  private past = $state.raw<readonly FigureDraft[]>([]);
  private future = $state.raw<readonly FigureDraft[]>([]);
  private count = 0;

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }

  get isFull(): boolean {
    return this.draft.panels.length >= MOST_PANELS;
  }

  add(source: PanelSource): void {
    if (this.isFull) return;
    const { panels } = this.draft;
    const legend = panels.at(-1)?.legend ?? 'right';
    this.count++;
    this.change({
      panels: [...panels, { id: this.count, source, title: source.title, legend, span: 1, height: null }],
    });
  }

  /** Add a drawing of the page, which is light for the moment; the panel is only made larger or smaller. */
  async capture(title: string, text: string, draw: () => Promise<SVGSVGElement | null>): Promise<void> {
    preferences.paper = 'page';
    try {
      // Colours of the theme are on canvases from the second frame on.
      for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      const drawn = await draw();
      if (drawn) this.add({ title, text, isFixed: true, draw: async () => drawn });
    } finally {
      preferences.paper = null;
    }
  }

  /** Put panels of before a reload first, with their layout. */
  restore(layout: FigureLayout, panels: readonly Omit<FigurePanel, 'id'>[]): void {
    const before = panels.map((panel) => ({ ...panel, id: ++this.count }));
    this.draft = { panels: [...before, ...this.draft.panels].slice(0, MOST_PANELS), layout };
  }

  remove(id: number): void {
    this.change({ panels: this.draft.panels.filter((panel) => panel.id !== id) });
  }

  move(from: number, to: number): void {
    const panels = [...this.draft.panels];
    const [panel] = panels.splice(from, 1);
    if (!panel || to < 0 || to > panels.length || from === to) return;
    panels.splice(to, 0, panel);
    this.change({ panels });
  }

  changePanel(id: number, change: Partial<Omit<FigurePanel, 'id' | 'source'>>): void {
    this.change({ panels: this.draft.panels.map((panel) => (panel.id === id ? { ...panel, ...change } : panel)) });
  }

  changeLayout(change: Partial<FigureLayout>): void {
    this.change({ layout: { ...this.draft.layout, ...change } });
  }

  /** Every change is a step that can be undone. */
  private change(change: Partial<FigureDraft>): void {
    this.past = [...this.past, this.draft].slice(-MOST_STEPS);
    this.future = [];
    this.draft = { ...this.draft, ...change };
  }

  undo(): void {
    const before = this.past.at(-1);
    if (!before) return;
    this.future = [this.draft, ...this.future];
    this.past = this.past.slice(0, -1);
    this.draft = before;
  }

  redo(): void {
    const [next, ...rest] = this.future;
    if (!next) return;
    this.past = [...this.past, this.draft];
    this.future = rest;
    this.draft = next;
  }
}
