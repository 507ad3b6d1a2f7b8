/** From numbers to pixels and back to the numbers that axes name. */
import { ticks } from 'd3-array';

export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
}

/** A linear scale; `count` is about how many ticks it names. */
export function linear(domain: readonly [number, number], range: readonly [number, number], count: number): Scale {
  const [low, high] = domain;
  const [start, end] = range;
  const span = high - low || 1;
  const scale = (value: number) => start + ((value - low) / span) * (end - start);
  return Object.assign(scale, { domain, ticks: ticks(low, high, count) });
}
