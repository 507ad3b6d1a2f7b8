// Checks the direction of imports by the rules of .dependency-cruiser.cjs.
//
// dependency-cruiser reads what the Svelte compiler makes of a component, where imports of types are gone already. It is
// therefore given a copy of the sources in which a component is its scripts alone, as a module of TypeScript.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const client = dirname(fileURLToPath(import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'starcyte-imports-'));

/** The scripts of a component, and the imports in its markup. */
function moduleOf(component) {
  const scripts = [...component.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => script);
  const markup = component.replaceAll(/<script[^>]*>[\s\S]*?<\/script>/g, '');
  const inMarkup = [...markup.matchAll(/\bimport\((['"])[^'"]+\1\)/g)].map(([call]) => `void ${call};`);
  return [...scripts, ...inMarkup].join('\n');
}

try {
  for (const entry of readdirSync(join(client, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(copy, relative(client, from));
    mkdirSync(dirname(to), { recursive: true });
    if (from.endsWith('.svelte')) writeFileSync(`${to}.mts`, moduleOf(readFileSync(from, 'utf8')));
    else cpSync(from, to);
  }
  const rules = join(client, '.dependency-cruiser.cjs');
  const depcruise = join(client, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const { stdout, stderr, status } = spawnSync(process.execPath, [depcruise, 'src', '--config', rules], {
    cwd: copy,
    encoding: 'utf8',
  });
  process.stdout.write(stdout.replaceAll('.svelte.mts', '.svelte'));
  process.stderr.write(stderr);
  process.exitCode = status ?? 1;
} finally {
  rmSync(copy, { recursive: true });
}
