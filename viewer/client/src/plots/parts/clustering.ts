/** Orders rows so that alike ones lie side by side: hierarchical clustering by average linkage. */

/** Two clusters joined; a cluster is a row (its number) or an earlier join (rows + its number). */
export interface Join {
  readonly first: number;
  readonly second: number;
  /** How far apart they were. */
  readonly height: number;
}

export interface Clustering {
  /** Positions of the rows in their new order. */
  readonly order: readonly number[];
  readonly joins: readonly Join[];
}

interface Cluster {
  readonly id: number;
  readonly rows: readonly number[];
}

/** The time grows with the cube of the number of rows: 15 s for 1,000. */
export const MOST_ROWS = 200;

/** @throws RangeError for more than `MOST_ROWS` rows */
export function clustering(rows: readonly (readonly number[])[]): Clustering {
  if (rows.length > MOST_ROWS) throw new RangeError(`${rows.length} rows to cluster; the limit is ${MOST_ROWS}.`);
  const apart = rows.map((one) => rows.map((other) => distance(one, other)));
  let clusters: Cluster[] = rows.map((_, k) => ({ id: k, rows: [k] }));
  let links = apart.map((row) => [...row]);
  const joins: Join[] = [];
  while (clusters.length > 1) {
    let [first, second, least] = [0, 1, Number.POSITIVE_INFINITY];
    for (let a = 0; a < clusters.length; a++) {
      for (let b = a + 1; b < clusters.length; b++) {
        const link = links[a]?.[b] ?? 0;
        if (link < least) [first, second, least] = [a, b, link];
      }
    }
    const one = clusters[first] as Cluster;
    const other = clusters[second] as Cluster;
    const [before, after] = sides(one, other, apart);
    const merged = { id: rows.length + joins.length, rows: [...before.rows, ...after.rows] };
    joins.push({ first: before.id, second: after.id, height: least });
    const kept = [...clusters.keys()].filter((k) => k !== first && k !== second);
    // The average over all pairs is that of the two averages, weighed by their sizes.
    const toMerged = kept.map(
      (k) =>
        ((links[k]?.[first] ?? 0) * one.rows.length + (links[k]?.[second] ?? 0) * other.rows.length) /
        (one.rows.length + other.rows.length),
    );
    links = [...kept.map((a, row) => [...kept.map((b) => links[a]?.[b] ?? 0), toMerged[row] ?? 0]), [...toMerged, 0]];
    clusters = [...kept.map((k) => clusters[k] as Cluster), merged];
  }
  return { order: clusters[0]?.rows ?? [], joins };
}

/** Two clusters with their nearest ends together, either turned round where that brings them nearer. */
function sides(one: Cluster, other: Cluster, apart: readonly (readonly number[])[]): [Cluster, Cluster] {
  const turned = ({ id, rows }: Cluster) => ({ id, rows: [...rows].reverse() });
  const ways: [Cluster, Cluster][] = [
    [one, other],
    [one, turned(other)],
    [turned(one), other],
    [turned(one), turned(other)],
  ];
  const gap = ([a, b]: [Cluster, Cluster]) => apart[a.rows.at(-1) ?? 0]?.[b.rows[0] ?? 0] ?? 0;
  return ways.reduce((least, way) => (gap(way) < gap(least) ? way : least));
}

/** A tree as lines: each join a bracket, from places along the rows and heights from 0 to 1. */
export function brackets({
  order,
  joins,
}: Clustering): { from: number; to: number; a: number; b: number; at: number }[] {
  const place = new Map<number, { at: number; height: number }>();
  order.forEach((row, k) => {
    place.set(row, { at: k + 0.5, height: 0 });
  });
  const top = Math.max(...joins.map(({ height }) => height), 0) || 1;
  return joins.map(({ first, second, height }, k) => {
    const a = place.get(first) ?? { at: 0, height: 0 };
    const b = place.get(second) ?? { at: 0, height: 0 };
    const at = height / top;
    place.set(order.length + k, { at: (a.at + b.at) / 2, height: at });
    return { from: a.at, to: b.at, a: a.height, b: b.height, at };
  });
}

function distance(one: readonly number[], other: readonly number[]): number {
  return Math.sqrt(one.reduce((sum, value, k) => sum + (value - (other[k] ?? 0)) ** 2, 0));
}
