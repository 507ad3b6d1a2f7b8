import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { PLOTS } from './plots/registry';

const SOURCES = readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name) && !entry.name.endsWith('.test.ts'))
  .map((entry) => join(entry.parentPath, entry.name));

/** Lines of the sources that match, as "file: line". */
function linesOf(pattern: RegExp): string[] {
  return SOURCES.flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${relative(import.meta.dirname, path)}: ${line.trim()}`),
  );
}

function quoted(names: readonly string[]): string {
  return `['"\`](?:${names.join('|')})['"\`]`;
}

test('nothing compares with the name of a plot', () => {
  const kind = quoted(PLOTS.map((plot) => plot.kind));
  expect(linesOf(new RegExp(`[!=]==? *${kind}|case +${kind}|${kind} *[!=]==?`))).toEqual([]);
});

test('no method of comparison is named: they are the server’s', () => {
  const folder = join(import.meta.dirname, '../../starcyte/compute/methods');
  const ids = readdirSync(folder)
    .filter((file) => file.endsWith('.py'))
    .map((file) => readFileSync(join(folder, file), 'utf8').match(/^METHOD = Method\(\n\s+id="([^"]+)"/m)?.[1])
    .filter((id) => id !== undefined);
  expect(ids.length).toBeGreaterThan(1);
  // a path of the interface may have the name of a method
  const named = linesOf(new RegExp(quoted(ids))).filter((line) => !/^api\/client\.ts: return this\.start\(/.test(line));
  expect(named).toEqual([]);
});
