import { describe, expect, test } from 'vitest';
import { targetOf } from './target';

describe('where to go after signing in', () => {
  test.each([
    ['', './'],
    ['?next=', './'],
    ['?next=d/pbmc/', './d/pbmc/'],
    ['?next=status', './status'],
    ['?next=d%2Fa.b-c_1%2F', './d/a.b-c_1/'],
  ])('%s leads to %s', (search, target) => {
    expect(targetOf(search)).toBe(target);
  });

  test.each([
    '//evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/etc',
    '../up',
    'd/../../up',
    'd//evil',
    '\\\\evil',
    'a:b',
    '%0d%0aSet-Cookie: x',
    'd/.hidden',
  ])('%s leads home', (given) => {
    expect(targetOf(`?next=${encodeURIComponent(given)}`)).toBe('./');
  });
});
