/** Enrichment of gene sets in a comparison: the question that is sent, and the running sum that is drawn. */
import type { DiffexpGene } from '../../api/types';

/** Which of the chosen genes: those higher in A, those higher in B, or all. */
export type Side = 'up' | 'down' | 'both';

/** Values as base64 of their bytes. */
export function base64(values: Float64Array | Uint8Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = '';
  // a call has a limited number of arguments
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** The chosen genes of a side. */
export function ofSide(genes: readonly DiffexpGene[], side: Side): DiffexpGene[] {
  return side === 'both'
    ? [...genes]
    : genes.filter(({ score }) => (side === 'up' ? (score ?? 0) > 0 : (score ?? 0) < 0));
}

/** The tested genes with their scores and, where the test takes a choice of genes, whether each is chosen. */
export function rankingOf(genes: readonly DiffexpGene[], chosen: readonly DiffexpGene[] | null) {
  const scored = genes.filter(({ score }) => score !== null);
  const among = chosen === null ? null : new Set(chosen);
  return {
    genes: scored.map(({ gene }) => gene),
    scores: base64(Float64Array.from(scored, ({ score }) => score ?? 0)),
    ...(among ? { chosen: base64(Uint8Array.from(scored, (gene) => (among.has(gene) ? 1 : 0))) } : {}),
  };
}

/** The scores of the tested genes, the highest first. */
export function rankedScores(genes: readonly DiffexpGene[]): Float64Array {
  return Float64Array.from(genes.flatMap(({ score }) => score ?? []))
    .sort()
    .reverse();
}

export interface Curve {
  /** The running sum at the corners of its line: rank, value. */
  readonly points: readonly (readonly [number, number])[];
  /** The corner that is farthest from 0. */
  readonly peak: readonly [number, number];
}

/** The running sum over ranked genes of a set, as the server computes it. */
export function runningSum(ranks: readonly number[], scores: Float64Array): Curve {
  const n = scores.length;
  const weights = ranks.map((rank) => Math.abs(scores[rank] ?? 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const fall = 1 / Math.max(n - ranks.length, 1);
  const points: [number, number][] = [[0, 0]];
  let value = 0;
  let before = 0;
  for (const [k, rank] of ranks.entries()) {
    value -= (rank - before) * fall;
    points.push([rank, value]);
    value += total > 0 ? (weights[k] ?? 0) / total : 1 / ranks.length;
    before = rank + 1;
    points.push([before, value]);
  }
  points.push([n, 0]);
  let peak: readonly [number, number] = [0, 0];
  for (const point of points) if (Math.abs(point[1]) > Math.abs(peak[1])) peak = point;
  return { points, peak };
}
