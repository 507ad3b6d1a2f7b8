import { expect, test } from 'vitest';
import { FigureEditing, MOST_PANELS } from './figure.svelte';

function source(title: string) {
  return { title, text: '', draw: () => Promise.reject(new Error('not drawn here')) };
}

function titles({ draft }: FigureEditing): string[] {
  return draft.panels.map(({ title }) => title);
}

test('every change of a figure can be undone and made again', () => {
  const figure = new FigureEditing();
  for (const title of ['x', 'y', 'z']) figure.add(source(title));
  figure.move(2, 0);
  expect(titles(figure)).toEqual(['z', 'x', 'y']);
  figure.remove(figure.draft.panels[1]?.id ?? -1);
  figure.changeLayout({ width: 85 });
  expect([titles(figure), figure.draft.layout.width]).toEqual([['z', 'y'], 85]);
  figure.undo();
  figure.undo();
  expect([titles(figure), figure.draft.layout.width]).toEqual([['z', 'x', 'y'], 174]);
  figure.redo();
  expect(titles(figure)).toEqual(['z', 'y']);
  figure.changePanel(figure.draft.panels[0]?.id ?? -1, { title: 'own' });
  expect(figure.canRedo).toBe(false);
  expect(titles(figure)).toEqual(['own', 'y']);
});

test('a new panel has the legend of the one before, and there are no more than letters', () => {
  const figure = new FigureEditing();
  figure.add(source('first'));
  figure.changePanel(1, { legend: 'below' });
  for (let k = 0; k < 2 * MOST_PANELS; k++) figure.add(source('more'));
  expect(figure.draft.panels.every(({ legend }) => legend === 'below')).toBe(true);
  expect(figure.draft.panels.length).toBe(MOST_PANELS);
});
