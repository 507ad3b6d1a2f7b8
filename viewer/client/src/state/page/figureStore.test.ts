import { expect, test } from 'vitest';
import { FigureEditing } from './figure.svelte';
import { keptOf, MOST_CHARACTERS } from './figureStore';

const source = (title: string) => ({ title, text: `${title}.`, draw: () => Promise.reject(new Error('not drawn')) });

test('the panels of a figure are kept with their drawings, as many as there is room for', () => {
  const figure = new FigureEditing();
  for (const title of ['cells', 'dots', 'volcano']) figure.add(source(title));
  figure.changePanel(2, { title: 'renamed', legend: 'below', span: 2, height: 40 });
  const whole = keptOf(figure.draft, ['<a/>', '<b/>', '<c/>'], 5);
  expect(whole.panels.map(({ svg }) => svg)).toEqual(['<a/>', '<b/>', '<c/>']);
  expect(whole.panels[1]).toEqual({
    plot: { title: 'dots', text: 'dots.' },
    ...{ title: 'renamed', legend: 'below', span: 2, height: 40, svg: '<b/>' },
  });
  const large = ' '.repeat(MOST_CHARACTERS - 4);
  expect(keptOf(figure.draft, ['<a/>', large, '<c/>'], 5).panels).toHaveLength(2);
});

test('panels of before a reload come first, with numbers of their own and the layout of then', () => {
  const before = new FigureEditing();
  before.add(source('cells'));
  before.changeLayout({ width: 85, columns: 1 });
  const after = new FigureEditing();
  after.add(source('dots'));
  const [panel] = before.draft.panels;
  if (!panel) throw new Error('no panel');
  after.restore(before.draft.layout, [panel]);
  after.add(source('volcano'));
  expect(after.draft.panels.map(({ title }) => title)).toEqual(['cells', 'dots', 'volcano']);
  expect(new Set(after.draft.panels.map(({ id }) => id)).size).toBe(3);
  expect(after.draft.layout).toMatchObject({ width: 85, columns: 1 });
});
