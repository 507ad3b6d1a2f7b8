/** The numbers behind each plot, as rows: for reading, and as a file. */
import type { Summary } from '../api/types';
import { type CategoryData, categoryName } from '../state/fields/field';
import type { GridPanel, Heat, SpreadRow } from '../state/plots/plotData.svelte';
import type { Table } from '../wire/csv';
import { shares } from './kinds/composition';

export function summaryTable({ genes, groups, n }: Summary): Table {
  return {
    columns: ['gene', 'category', 'cells', 'mean', 'fraction_expressing'],
    rows: genes.flatMap(({ gene, mean, fraction }) =>
      groups.map((group, k) => [gene, group, n[k] ?? 0, mean[k] ?? null, fraction[k] ?? null]),
    ),
  };
}

export function spreadTable(rows: readonly SpreadRow[]): Table {
  const levels = rows.find(({ spread }) => spread)?.spread?.levels ?? [];
  return {
    columns: ['name', 'category', 'part', 'cells', 'mean', ...levels.map((level) => `quantile_${level}`)],
    rows: rows.flatMap(({ name, spread }) =>
      (spread?.groups ?? []).map((group) => [name, group.name, group.part, group.n, group.mean, ...group.quantiles]),
    ),
  };
}

export function compositionTable(rows: CategoryData, parts: CategoryData, mask: Uint8Array | null): Table {
  const { counts, totals } = shares(rows.values, rows.categories.length, parts.values, parts.categories.length, mask);
  const codes = [...parts.categories.keys(), -1];
  return {
    columns: [rows.title, parts.title, 'cells', 'share'],
    rows: counts.flatMap((row, code) =>
      codes.flatMap((part, k) => {
        const n = row[k] ?? 0;
        const name = categoryName(parts.categories, part);
        return n > 0 ? [[categoryName(rows.categories, code), name, n, n / (totals[code] || 1)]] : [];
      }),
    ),
  };
}

/** One row a cell that is shown, by its number from 0. */
export function heatTable({ groups, cells, rows }: Heat): Table {
  const names = groups.flatMap(({ name, shown }) => Array.from({ length: shown }, () => name));
  return {
    columns: ['cell', 'category', ...rows.map(({ gene }) => gene)],
    rows: Array.from(cells, (cell, k) => [cell, names[k] ?? '', ...rows.map(({ values }) => values[k] ?? null)]),
  };
}

export function gridTable(panels: readonly GridPanel[]): Table {
  return {
    columns: ['gene', 'scale_from', 'scale_to', 'cells_at_zero'],
    rows: panels.map(({ gene, domain, codes, zero }) => [
      gene,
      domain[0],
      domain[1],
      zero ? codes.reduce((sum, code) => sum + (code === 1 ? 1 : 0), 0) : null,
    ]),
  };
}
