/**
 * The rescue of a session whose job Galaxy has lost.
 *
 * A job runner that does not recover jobs, as the local one, marks them as failed when Galaxy is restarted. The session
 * still runs, with all that was saved in it, but nothing of it will be added to the history.
 */

import type { Galaxy, Upload } from './galaxy';

/** The part of a saved session that is used here. */
interface SavedSession {
  dataset?: { title?: string };
  annotations?: unknown[];
  genesets?: unknown[];
  views?: unknown[];
  results?: unknown[];
}

/** Return the files saved in a session at an address; undefined if starcyte does not answer there. */
export async function filesOf(galaxy: Galaxy, target: string): Promise<Upload[] | undefined> {
  if ((await galaxy.probe(target)) !== 'starcyte') return undefined;
  const content = await galaxy.fromSession(target, 'api/v1/export/session.json');
  if (content === undefined) return undefined;
  const session = JSON.parse(content) as SavedSession;
  const has = (key: 'annotations' | 'genesets' | 'views' | 'results') => Boolean(session[key]?.length);
  const named = (part: string) => `starcyte on ${session.dataset?.title ?? 'a dataset'} (${part})`;
  const files: Upload[] = [];
  if (has('annotations') || has('genesets') || has('views') || has('results'))
    files.push({ name: named('session'), datatype: 'json', content });
  const tables = [
    ['annotations', 'annotations', 'annotations.tabular'],
    ['genesets', 'gene_sets', 'genesets.gmt'],
  ] as const;
  for (const [key, part, path] of tables) {
    const table = has(key) ? await galaxy.fromSession(target, `api/v1/export/${path}`) : undefined;
    if (table !== undefined) files.push({ name: named(part), datatype: 'tabular', content: table });
  }
  return files;
}
