/** Views in the fragment of the page's URL: compressed JSON, or parameters that are written by hand. */
import { fromBase64, toBase64 } from './cellListCodec';
import type { SavedView } from './savedView';

/** The limit of the decompressed size. */
const MOST_BYTES = 4_000_000;

/** Return the fragment of a view. */
export async function hashOf(saved: SavedView): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(saved));
  const compressed = await through(bytes, new CompressionStream('deflate-raw'));
  return `v=${toBase64(compressed)}`;
}

/**
 * Read a fragment; null if it has no view. It may be written by hand: `#gene=CD79A&embedding=umap` or `#color=louvain`.
 *
 * @throws Error if it is damaged
 */
export async function readHash(hash: string): Promise<unknown> {
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const packed = query.get('v');
  if (packed !== null) {
    const bytes = await through(fromBase64(packed), new DecompressionStream('deflate-raw'));
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  }
  const [gene, column, embedding, matrix] = ['gene', 'color', 'embedding', 'matrix'].map((name) => query.get(name));
  const color = gene ? { kind: 'gene', gene } : column ? { kind: 'obs', column } : null;
  if (!color && !embedding && !matrix) return null;
  return { version: 1, ...(color && { color }), ...(embedding && { embedding }), ...(matrix && { matrix }) };
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([bytes]).stream().pipeThrough(transform).getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    if (length > MOST_BYTES) {
      await reader.cancel();
      throw new RangeError('The link is too large.');
    }
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
