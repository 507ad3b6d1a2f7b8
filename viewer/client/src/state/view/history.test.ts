import { expect, test } from 'vitest';
import { History } from './history';

test('undo and redo restore states', () => {
  const history = new History(0);
  history.push(1);
  history.push(2);
  expect([history.undo(), history.undo(), history.undo()]).toEqual([1, 0, null]);
  expect(history.redo()).toBe(1);
  history.push(5);
  expect(history.canRedo).toBe(false);
  expect([...history.states()]).toEqual([0, 1, 5]);
});

test('the number of steps is limited', () => {
  const history = new History(0, 3);
  for (let k = 1; k <= 10; k++) history.push(k);
  let steps = 0;
  while (history.undo() !== null) steps++;
  expect(steps).toBe(3);
});

test('all states can be changed, and equal neighbours become one', () => {
  const history = new History(0);
  for (const state of [1, 2, 3, 4, 5]) history.push(state);
  history.undo();
  history.undo();
  history.rewrite(
    (state) => Math.floor(state / 2) * 10,
    (one, other) => one === other,
  );
  expect([...history.states()]).toEqual([0, 10, 20]);
  expect(history.now).toBe(10);
  expect([history.undo(), history.undo(), history.redo(), history.redo(), history.redo()]).toEqual([
    0,
    null,
    10,
    20,
    null,
  ]);
});

test('one gesture is one step', () => {
  const history = new History('start');
  history.push('drag 1');
  history.replace('drag 2');
  expect(history.undo()).toBe('start');
  expect(history.redo()).toBe('drag 2');
});
