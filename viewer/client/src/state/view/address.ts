/** A kept view in the page's address, behind the #: squeezed JSON, or a few words that a person can write. */
import { fromBase64, toBase64 } from './cellListCodec';
import type { SavedView } from './savedView';

/** More than any link of ours unpacks to. */
const MOST_BYTES = 4_000_000;

/** The part of an address behind the # that says a view. */
export async function hashOf(saved: SavedView): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(saved));
  const squeezed = await through(bytes, new CompressionStream('deflate-raw'));
  return `v=${toBase64(squeezed)}`;
}

/**
 * What an address says: null where it says nothing of a view. Beside links of ours it may be written by hand:
 * `#gene=CD79A&embedding=umap` or `#color=louvain`.
 *
 * @throws Error where it is damaged
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
      throw new RangeError('The link holds too much.');
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
