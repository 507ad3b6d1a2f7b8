/** Where violins stand: one for each category, two halves of one, or several side by side. */
import type { Spread } from '../../api/types';

export interface Violin {
  readonly group: string;
  readonly part: string | null;
  readonly n: number;
  readonly mean: number | null;
  /** At even steps from its lowest to its highest value. */
  readonly density: readonly number[] | null;
  readonly low: number;
  readonly high: number;
  /** Quartiles. */
  readonly box: readonly [number | null, number | null, number | null];
  /** Number of its category, and its middle and half width in shares of a category's room. */
  readonly column: number;
  readonly middle: number;
  readonly half: number;
  /** -1 and 1 for halves to the left and to the right; 0 for a whole violin. */
  readonly side: -1 | 0 | 1;
}

export interface Violins {
  readonly groups: readonly { readonly name: string; readonly n: number }[];
  readonly parts: readonly string[];
  readonly violins: readonly Violin[];
}

/** Share of a category's room that its violins fill. */
const FILLED = 0.86;

export function violins(spread: Spread | null): Violins {
  const rows = spread?.groups ?? [];
  const names = [...new Set(rows.map(({ name }) => name))];
  const parts = [...new Set(rows.flatMap(({ part }) => (part === null ? [] : [part])))];
  const groups = names.map((name) => ({
    name,
    n: rows.reduce((sum, row) => sum + (row.name === name ? row.n : 0), 0),
  }));
  const placed = rows.map((row): Violin => {
    const level = (wanted: number) => row.quantiles[spread?.levels.indexOf(wanted) ?? -1] ?? null;
    const { name: group, part, n, mean, density } = row;
    const k = part === null ? 0 : parts.indexOf(part);
    return {
      ...{ group, part, n, mean, density },
      ...{ low: level(0) ?? 0, high: level(1) ?? 0 },
      box: [level(0.25), level(0.5), level(0.75)],
      column: names.indexOf(group),
      ...placeOf(k, parts.length),
    };
  });
  return { groups, parts, violins: placed };
}

function placeOf(part: number, parts: number): Pick<Violin, 'middle' | 'half' | 'side'> {
  if (parts < 2) return { middle: 0.5, half: FILLED / 2, side: 0 };
  if (parts === 2) return { middle: 0.5, half: FILLED / 2, side: part === 0 ? -1 : 1 };
  const wide = FILLED / parts;
  return { middle: (1 - FILLED) / 2 + (part + 0.5) * wide, half: 0.46 * wide, side: 0 };
}
