/** The licence texts of the libraries that end up in the page, as one file beside it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, Rolldown } from 'vite';

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/** The folder of the package that a module belongs to; null for our own modules. */
function packageFolder(module: string): string | null {
  return /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1] ?? null;
}

/** The name and version of a package, and the text of its licence. */
function notice(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const file = readdirSync(folder).find((candidate) => /^(licen[cs]e|copying)\b/i.test(candidate));
  if (file === undefined)
    throw new Error(`${name} ${version} has no licence text: it may not be bundled into the page.`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
}

/**
 * Two plugins: one for the page, which writes the file, and one for its workers, which are bundled before the page.
 * Only modules that contribute code are counted.
 */
export function thirdPartyLicenses(fileName: string): { readonly page: Plugin; readonly worker: Plugin } {
  const folders = new Set<string>();

  function collect(bundle: Rolldown.OutputBundle): void {
    for (const output of Object.values(bundle)) {
      if (output.type !== 'chunk') continue;
      for (const [id, module] of Object.entries(output.modules)) {
        const folder = module.renderedLength > 0 ? packageFolder(id) : null;
        if (folder !== null) folders.add(folder);
      }
    }
  }

  return {
    page: {
      name: 'third-party-licenses',
      apply: 'build',
      generateBundle(_, bundle) {
        collect(bundle);
        const notices = [...folders].map(notice).sort();
        const source = `The page contains code of these libraries.\n\n${notices.join(`\n${'-'.repeat(80)}\n\n`)}`;
        this.emitFile({ type: 'asset', fileName, source });
      },
    },
    worker: {
      name: 'third-party-licenses-of-workers',
      generateBundle(_, bundle) {
        collect(bundle);
      },
    },
  };
}
