/** Orders rows so that alike ones lie side by side: hierarchical clustering by average linkage. */

/** Positions of the rows in their new order. */
export function clustered(rows: readonly (readonly number[])[]): number[] {
  let clusters = rows.map((_, k) => [k]);
  const apart = rows.map((one) => rows.map((other) => distance(one, other)));
  const between = (one: readonly number[], other: readonly number[]) => {
    let sum = 0;
    for (const a of one) for (const b of other) sum += apart[a]?.[b] ?? 0;
    return sum / (one.length * other.length);
  };
  let links = clusters.map((one) => clusters.map((other) => between(one, other)));
  while (clusters.length > 1) {
    let [first, second, least] = [0, 1, Number.POSITIVE_INFINITY];
    for (let a = 0; a < clusters.length; a++) {
      for (let b = a + 1; b < clusters.length; b++) {
        const link = links[a]?.[b] ?? 0;
        if (link < least) [first, second, least] = [a, b, link];
      }
    }
    const merged = joined(clusters[first] ?? [], clusters[second] ?? [], apart);
    const kept = [...clusters.keys()].filter((k) => k !== first && k !== second);
    const toMerged = kept.map((k) => between(clusters[k] ?? [], merged));
    links = [...kept.map((a, row) => [...kept.map((b) => links[a]?.[b] ?? 0), toMerged[row] ?? 0]), [...toMerged, 0]];
    clusters = [...kept.map((k) => clusters[k] ?? []), merged];
  }
  return clusters[0] ?? [];
}

/** Two clusters with their nearest ends together. */
function joined(one: readonly number[], other: readonly number[], apart: readonly (readonly number[])[]): number[] {
  const ways = [one, [...one].reverse()].flatMap((a) => [other, [...other].reverse()].map((b) => [a, b] as const));
  const gap = ([a, b]: readonly [readonly number[], readonly number[]]) => apart[a.at(-1) ?? 0]?.[b[0] ?? 0] ?? 0;
  const best = ways.reduce((least, way) => (gap(way) < gap(least) ? way : least));
  return [...best[0], ...best[1]];
}

function distance(one: readonly number[], other: readonly number[]): number {
  return Math.sqrt(one.reduce((sum, value, k) => sum + (value - (other[k] ?? 0)) ** 2, 0));
}
