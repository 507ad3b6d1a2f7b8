/** The order of categories in lists. */

export type CategoryOrder = 'file' | 'name' | 'count';

export const ORDERS: Readonly<Record<CategoryOrder, string>> = {
  file: 'as in the file',
  name: 'by name',
  count: 'by number of cells',
};

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** Return the order after this one, for a button that cycles through them. */
export function nextOrder(order: CategoryOrder): CategoryOrder {
  const orders = Object.keys(ORDERS) as CategoryOrder[];
  return orders[(orders.indexOf(order) + 1) % orders.length] as CategoryOrder;
}

/** Sort codes of categories; -1 (missing) is last. */
export function inOrder(
  codes: readonly number[],
  order: CategoryOrder,
  nameOf: (code: number) => string,
  cellsOf: (code: number) => number,
): readonly number[] {
  if (order === 'file') return codes;
  const compare =
    order === 'name'
      ? (a: number, b: number) => collator.compare(nameOf(a), nameOf(b))
      : (a: number, b: number) => cellsOf(b) - cellsOf(a);
  const known = codes.filter((code) => code >= 0).sort((a, b) => compare(a, b) || a - b);
  return [...known, ...codes.filter((code) => code < 0)];
}
