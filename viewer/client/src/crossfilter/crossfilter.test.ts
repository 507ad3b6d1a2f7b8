import { describe, expect, it } from 'vitest';
import { histogram } from './bins';
import { type CrossfilterResult, createCrossfilter, type WorkerLike } from './client';
import { Engine, type FieldCounts, type FieldSpec, type Filter } from './engine';
import { createHandler, type Request } from './protocol';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

describe('histogram', () => {
  it('keeps NaN, infinity and masked values apart', () => {
    const { bins, size, edges } = histogram(
      Float32Array.of(0, 1.5, 3, nan, inf, 2),
      Uint8Array.of(0, 0, 0, 0, 0, 1),
      2,
    );
    expect(size).toBe(2);
    expect([...bins]).toEqual([0, 1, 1, 2, 2, 2]);
    expect([...(edges ?? [])]).toEqual([0, 1.5, 3]);
  });

  it('gives whole numbers bins of their own, or of a whole width', () => {
    const few = histogram(Int32Array.of(3, 4, 6), null, 50);
    expect([...(few.edges ?? [])]).toEqual([2.5, 3.5, 4.5, 5.5, 6.5]);
    expect([...few.bins]).toEqual([0, 1, 3]);
    const many = histogram(Int32Array.of(0, 99, 1000), null, 50);
    expect(many.size).toBe(48);
    expect((many.edges?.[1] as number) - (many.edges?.[0] as number)).toBeCloseTo(21);
  });

  it('bins a part, with what lies beyond in its ends, and logarithms', () => {
    const part = histogram(Float64Array.of(-5, 0.5, 1.5, 99), null, 2, { domain: [0, 2] });
    expect([...part.bins]).toEqual([0, 0, 1, 1]);
    expect(part).toMatchObject({ extent: [-5, 99] });
    expect([...(part.edges ?? [])]).toEqual([0, 1, 2]);
    const log = histogram(Float64Array.of(1, 5, 50, 99, 100), null, 2, { log: true });
    expect([...log.bins]).toEqual([0, 0, 1, 1, 1]);
    expect(log.edges?.[1]).toBeCloseTo(10);
    const clipped = histogram(Float64Array.of(0, 1, 11, 100), null, 2, { log: true, domain: [1, 100] });
    expect([...clipped.bins]).toEqual([0, 0, 1, 1]);
    const signed = histogram(Float64Array.of(-1, 0.5, 1), null, 2, { log: true });
    expect([...(signed.edges ?? [])]).toEqual([-1, 0, 1]);
  });

  it('has an answer for columns that say little', () => {
    expect(histogram(Float32Array.of(nan), null, 10)).toMatchObject({ edges: null, size: 10 });
    expect(histogram(Float32Array.of(0.5, 0.5), null, 10)).toMatchObject({ size: 1 });
    expect(histogram(new Float32Array(0), null, 10).bins).toHaveLength(0);
  });
});

/** The counts by definition. */
function slowly(n: number, fields: Map<string, FieldSpec>, filters: Map<string, Filter>) {
  const passes = (name: string, filter: Filter, i: number): boolean => {
    if (filter.kind === 'cells') return Array.from(filter.cells).includes(i);
    const spec = fields.get(name);
    if (filter.kind === 'category' && spec?.kind === 'category') {
      const code = spec.codes[i] as number;
      return code >= 0 && code < spec.size ? [...filter.allowed].includes(code) : filter.missing;
    }
    if (filter.kind === 'range' && spec?.kind === 'range') {
      const value = spec.values[i] as number;
      return Number.isFinite(value) ? value >= filter.min && value <= filter.max : filter.missing;
    }
    return true;
  };
  const passesAll = (i: number, but?: string) =>
    [...filters].every(([name, filter]) => name === but || passes(name, filter, i));
  const mask = Array.from({ length: n }, (_, i) => (passesAll(i) ? 1 : 0));
  const missing = new Map<string, number>();
  const passing = new Map<string, number>();
  for (const [name, spec] of fields) {
    let [gone, here] = [0, 0];
    for (let i = 0; i < n; i++) {
      if (!passesAll(i, name)) continue;
      const value = (spec.kind === 'category' ? spec.codes[i] : spec.values[i]) as number;
      if (spec.kind === 'category' ? value >= 0 && value < spec.size : Number.isFinite(value)) here++;
      else gone++;
    }
    missing.set(name, gone);
    passing.set(name, here);
  }
  return { mask, missing, passing };
}

describe('Engine', () => {
  it('counts each field without its own filter', () => {
    const engine = new Engine(6);
    engine.addField('type', { kind: 'category', codes: Int8Array.of(0, 0, 1, 1, 2, -1), size: 3 });
    engine.addField('age', { kind: 'range', values: Float32Array.of(1, 2, 3, 4, nan, 6) });
    engine.watch(['type', 'age']);
    engine.takeCounts();
    engine.setFilter('type', { kind: 'category', allowed: [0, 1], missing: false });
    engine.setFilter('age', { kind: 'range', min: 2, max: 6, missing: true });
    expect([...engine.mask()]).toEqual([0, 1, 1, 1, 0, 0]);
    expect(engine.passing).toBe(3);
    const counts = engine.takeCounts();
    expect([...(counts.get('type')?.passing ?? [])]).toEqual([1, 2, 1]);
    expect([...(counts.get('type')?.total ?? [])]).toEqual([2, 2, 1]);
    expect(counts.get('type')?.missingPassing).toBe(1);
    expect(counts.get('age')?.passing.reduce((a, b) => a + b)).toBe(4);
    expect(counts.get('age')?.missingTotal).toBe(1);
    expect(counts.get('age')?.missingPassing).toBe(0);
    expect(engine.takeCounts().size).toBe(0);
  });

  it('agrees with the definition after any sequence of changes', () => {
    const random = randomNumbers(11);
    const n = 200;
    const pick = (below: number) => Math.floor(random() * below);
    const makeSpec = (): FieldSpec =>
      random() < 0.5
        ? { kind: 'category', codes: Int16Array.from({ length: n }, () => pick(6) - 1), size: 4 }
        : { kind: 'range', values: Float32Array.from({ length: n }, () => (random() < 0.1 ? nan : random())) };
    const makeFilter = (spec: FieldSpec | undefined): Filter => {
      if (!spec) return { kind: 'cells', cells: Array.from({ length: 120 }, () => pick(n)) };
      if (spec.kind === 'range')
        return { kind: 'range', min: random() / 2, max: 0.4 + random(), missing: random() < 0.5 };
      return { kind: 'category', allowed: [pick(4), pick(4), pick(4)], missing: random() < 0.5 };
    };
    const engine = new Engine(n);
    const fields = new Map<string, FieldSpec>();
    const filters = new Map<string, Filter>();
    const latest = new Map<string, FieldCounts>();
    const names = ['a', 'b', 'c', 'd', 'e'];
    engine.watch(names);
    for (let round = 0; round < 400; round++) {
      const name = [...names, 'lasso'][pick(6)] as string;
      const what = random();
      if (name !== 'lasso' && (what < 0.2 || !fields.has(name))) {
        const spec = makeSpec();
        fields.set(name, spec);
        filters.delete(name);
        engine.setFilter(name, null);
        engine.addField(name, spec);
      } else if (what < 0.75) {
        const filter = makeFilter(fields.get(name));
        filters.set(name, filter);
        engine.setFilter(name, filter);
      } else if (what < 0.8) {
        const some = names.filter(() => random() < 0.7);
        engine.watch(some);
        engine.watch(names);
      } else {
        filters.delete(name);
        engine.setFilter(name, null);
      }
      const expected = slowly(n, fields, filters);
      expect([...engine.mask()]).toEqual(expected.mask);
      expect(engine.passing).toBe(expected.mask.filter((pass) => pass === 1).length);
      expect(engine.filtered).toBe(filters.size > 0);
      for (const [field, counts] of engine.takeCounts()) latest.set(field, counts);
      for (const field of fields.keys()) {
        expect(latest.get(field)?.missingPassing).toBe(expected.missing.get(field));
        expect(latest.get(field)?.passing.reduce((a, b) => a + b)).toBe(expected.passing.get(field));
      }
    }
  });

  it('restricted to some cells counts as an engine that has these cells alone', () => {
    const random = randomNumbers(5);
    const n = 150;
    const inside = Array.from({ length: n }, (_, cell) => cell).filter(() => random() < 0.4);
    const codes = Int8Array.from({ length: n }, () => Math.floor(random() * 4) - 1);
    const values = Float32Array.from({ length: n }, () => random());
    // The least and the greatest are inside, so that both have the same bins.
    values[inside[0] as number] = 0;
    values[inside[1] as number] = 1;
    const restricted = new Engine(n);
    const alone = new Engine(inside.length);
    restricted.addField('type', { kind: 'category', codes, size: 3 });
    alone.addField('type', {
      kind: 'category',
      codes: Int8Array.from(inside, (cell) => codes[cell] as number),
      size: 3,
    });
    alone.addField('age', { kind: 'range', values: Float32Array.from(inside, (cell) => values[cell] as number) });
    for (const engine of [restricted, alone]) engine.watch(['type', 'age']);
    for (const when of ['before', 'after'] as const) {
      if (when === 'before') restricted.restrict(inside);
      restricted.addField('age', { kind: 'range', values });
      for (const engine of [restricted, alone]) {
        engine.setFilter('type', { kind: 'category', allowed: [0, 2], missing: true });
        engine.setFilter('age', { kind: 'range', min: 0.2, max: 0.7, missing: false });
      }
      if (when === 'after') restricted.restrict(inside);
      expect(restricted.passing).toBe(alone.passing);
      expect(Uint32Array.from(restricted.mask().keys()).filter((cell) => restricted.mask()[cell] === 1)).toEqual(
        Uint32Array.from(inside.filter((_, k) => alone.mask()[k])),
      );
      restricted.watch([]);
      alone.watch([]);
      for (const engine of [restricted, alone]) engine.watch(['type', 'age']);
      expect(restricted.takeCounts()).toEqual(alone.takeCounts());
      restricted.restrict(null);
      expect(restricted.restricted).toBe(false);
      for (const engine of [restricted, alone]) for (const name of ['type', 'age']) engine.setFilter(name, null);
      expect(restricted.passing).toBe(n);
    }
  });

  it('keeps a filter for a field that comes later or again', () => {
    const engine = new Engine(3);
    engine.setFilter('x', { kind: 'range', min: 0, max: 1, missing: false });
    expect(engine.passing).toBe(3);
    engine.addField('x', { kind: 'range', values: Float32Array.of(0, 1, 2) });
    expect(engine.passing).toBe(2);
    engine.addField('x', { kind: 'range', values: Float32Array.of(0, 5, 2) });
    expect(engine.passing).toBe(1);
    engine.removeField('x');
    expect(engine.passing).toBe(3);
  });

  it('takes more than 32 filters, and says when there are too many', () => {
    const engine = new Engine(300);
    for (let k = 0; k < 254; k++) engine.setFilter(`f${k}`, { kind: 'cells', cells: [0, k + 1] });
    expect([...engine.mask()].indexOf(1)).toBe(0);
    expect(engine.passing).toBe(1);
    expect(() => engine.setFilter('more', { kind: 'cells', cells: [] })).toThrow(/254 filters/);
    for (let k = 0; k < 254; k++) engine.setFilter(`f${k}`, null);
    expect(engine.passing).toBe(300);
  });

  it('refuses a field of another length', () => {
    expect(() => new Engine(3).addField('x', { kind: 'range', values: Float32Array.of(1) })).toThrow(
      /"x" has 1 cells, not 3/,
    );
  });
});

/** A worker in this thread, which answers later and keeps the requests it was sent. */
function fakeWorker() {
  const requests: Request[] = [];
  const worker: WorkerLike = {
    onmessage: null,
    onerror: null,
    postMessage(request: Request) {
      requests.push(structuredClone(request));
      setTimeout(() => handle(structuredClone(request)), 1);
    },
    terminate() {},
  };
  const handle = createHandler((reply) => {
    worker.onmessage?.call(worker as Worker, { data: structuredClone(reply) } as MessageEvent);
  });
  return { worker, requests };
}

describe('createCrossfilter', () => {
  it('joins the changes that come while the worker works', async () => {
    const { worker, requests } = fakeWorker();
    const results: CrossfilterResult[] = [];
    const counts: ReadonlyMap<string, FieldCounts>[] = [];
    const crossfilter = createCrossfilter(
      4,
      { onMask: (result) => results.push(result), onCounts: (changed) => counts.push(changed) },
      () => worker,
    );
    const values = new Float32Array([9, 0, 1, 2, 3]).subarray(1);
    crossfilter.addField('x', { kind: 'range', values });
    crossfilter.addField('t', { kind: 'category', codes: Int8Array.of(0, 0, 1, 1), size: 2 });
    crossfilter.watch(['x', 't']);
    await crossfilter.settled();
    expect(requests).toHaveLength(1);
    expect(results.at(-1)).toEqual({ mask: null, passing: 4 });
    for (let max = 0; max <= 2; max++) {
      crossfilter.setFilter('x', { kind: 'range', min: 0, max, missing: false });
      await Promise.resolve();
    }
    await crossfilter.settled();
    // The first at once, the last two as one.
    expect(requests).toHaveLength(3);
    expect(results.at(-1)).toEqual({ mask: Uint8Array.of(1, 1, 1, 0), passing: 3 });
    expect([...(counts.at(-1)?.get('t')?.passing ?? [])]).toEqual([2, 1]);
    crossfilter.setFilter('lasso', { kind: 'cells', cells: [3] });
    crossfilter.clearFilters();
    await crossfilter.settled();
    expect(results.at(-1)).toEqual({ mask: null, passing: 4 });
    crossfilter.dispose();
  });

  it('reports what the worker refuses, and goes on', async () => {
    const { worker } = fakeWorker();
    const errors: string[] = [];
    let passing = -1;
    const crossfilter = createCrossfilter(
      2,
      {
        onMask: (result) => {
          passing = result.passing;
        },
        onError: (error) => errors.push(error.message),
      },
      () => worker,
    );
    crossfilter.addField('x', { kind: 'range', values: Float32Array.of(1) });
    crossfilter.setFilter('lasso', { kind: 'cells', cells: [0] });
    await crossfilter.settled();
    expect(errors).toEqual(['Field "x" has 1 cells, not 2']);
    expect(passing).toBe(1);
    crossfilter.addField('x', { kind: 'range', values: Float32Array.of(1, 2) });
    await crossfilter.settled();
    expect(errors).toHaveLength(1);
    crossfilter.dispose();
  });
});
