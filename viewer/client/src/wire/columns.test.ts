import { describe, expect, it } from 'vitest';
import { ColumnsError, decodeColumns } from './columns';

/** A body from its header and the arrays that follow (each padded to 8 bytes). */
function encode(header: unknown, arrays: ArrayBufferView[] = [], magic = 'SCC1'): ArrayBuffer {
  let json = typeof header === 'string' ? header : JSON.stringify(header);
  let bytes = new TextEncoder().encode(json);
  json += ' '.repeat((8 - (bytes.length % 8)) % 8);
  bytes = new TextEncoder().encode(json);
  const size = arrays.reduce((sum, array) => sum + Math.ceil(array.byteLength / 8) * 8, 0);
  const body = new Uint8Array(8 + bytes.length + size);
  body.set(new TextEncoder().encode(magic));
  new DataView(body.buffer).setUint32(4, bytes.length, true);
  body.set(bytes, 8);
  let at = 8 + bytes.length;
  for (const array of arrays) {
    body.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += Math.ceil(array.byteLength / 8) * 8;
  }
  return body.buffer;
}

function dense(name: string, dtype: string, offset: number, length: number, more: object = {}) {
  return { name, dtype, offset, length, layout: 'dense', ...more };
}

function example(): ArrayBuffer {
  return encode(
    {
      n: 5,
      columns: [
        dense('x', 'float32', 0, 5),
        dense('größe', 'int8', 24, 5, { categories: ['a', 'b'], ordered: true }),
        {
          ...dense('CD3D', 'float64', 32, 2),
          layout: 'sparse',
          indices: { dtype: 'uint32', offset: 48, length: 2 },
        },
        dense('age', 'int32', 56, 5, { missing: { dtype: 'uint8', offset: 80, length: 5 } }),
        { name: 'barcode', dtype: 'string', offset: 0, length: 0, values: ['A', null, 'C', 'D', ''] },
      ],
    },
    [
      Float32Array.of(0.5, Number.NaN, -1, Number.POSITIVE_INFINITY, 4),
      Int8Array.of(-1, 0, 1, 1, 0),
      Float64Array.of(2.5, 7),
      Uint32Array.of(4, 1),
      Int32Array.of(30, 40, 0, 50, 60),
      Uint8Array.of(0, 0, 1, 0, 0),
    ],
  );
}

describe('decodeColumns', () => {
  it('reads every layout as views on the body', () => {
    const body = example();
    const { n, columns } = decodeColumns(body);
    expect(n).toBe(5);
    const [x, size, gene, age, barcode] = columns;
    if (x?.layout !== 'dense' || size?.layout !== 'dense' || age?.layout !== 'dense') throw new Error('layout');
    if (gene?.layout !== 'sparse' || barcode?.layout !== 'string') throw new Error('layout');
    expect(x.values).toEqual(Float32Array.of(0.5, Number.NaN, -1, Number.POSITIVE_INFINITY, 4));
    expect(x.values.buffer).toBe(body);
    expect(x.dense()).toBe(x.values);
    expect(x.missing).toBeNull();
    expect(size.name).toBe('größe');
    expect(size.categories).toEqual(['a', 'b']);
    expect(size.ordered).toBe(true);
    expect([...size.values]).toEqual([-1, 0, 1, 1, 0]);
    expect(gene.values.buffer).toBe(body);
    expect(gene.dense()).toEqual(Float64Array.of(0, 7, 0, 0, 2.5));
    expect([...(age.missing ?? [])]).toEqual([0, 0, 1, 0, 0]);
    expect(barcode.values).toEqual(['A', null, 'C', 'D', '']);
  });

  it('reads a body without rows', () => {
    const { n, columns } = decodeColumns(encode({ n: 0, columns: [dense('x', 'float32', 0, 0)] }));
    expect(n).toBe(0);
    expect(columns).toHaveLength(1);
  });

  const array = Float32Array.of(1, 2);
  const bad: [string, ArrayBuffer, RegExp][] = [
    ['an empty body', new ArrayBuffer(0), /0 bytes/],
    ['another magic', encode({ n: 0, columns: [] }, [], 'PAR1'), /SCC1/],
    ['JSON in place of columns', encode('', [], '{"er'), /SCC1/],
    ['a header that is not JSON', encode('{"n": 1,'), /not JSON/],
    ['a header that is a list', encode('[]'), /JSON object/],
    ['no rows', encode({ columns: [] }), /number of rows/],
    ['rows below none', encode({ n: -1, columns: [] }), /number of rows/],
    ['no columns', encode({ n: 1 }), /list of columns/],
    ['a column without a name', encode({ n: 1, columns: [{}] }), /no name/],
    ['an unknown dtype', encode({ n: 2, columns: [dense('x', 'float16', 0, 2)] }, [array]), /float16/],
    ['a dtype of the prototype', encode({ n: 2, columns: [dense('x', 'toString', 0, 2)] }, [array]), /toString/],
    [
      'an unknown layout',
      encode({ n: 2, columns: [{ ...dense('x', 'float32', 0, 2), layout: 'rle' }] }, [array]),
      /rle/,
    ],
    ['a misaligned array', encode({ n: 1, columns: [dense('x', 'float32', 4, 1)] }, [array]), /multiple of 8/],
    ['an array beyond the end', encode({ n: 3, columns: [dense('x', 'float32', 0, 3)] }, [array]), /cut off/],
    ['an offset beyond the end', encode({ n: 2, columns: [dense('x', 'float32', 8e9, 2)] }, [array]), /cut off/],
    ['a negative offset', encode({ n: 2, columns: [dense('x', 'float32', -8, 2)] }, [array]), /whole number/],
    ['too few values', encode({ n: 3, columns: [dense('x', 'float32', 0, 2)] }, [array]), /2 values for 3 rows/],
    [
      'a code beyond the categories',
      encode({ n: 2, columns: [dense('c', 'float32', 0, 2, { categories: ['a'] })] }, [array]),
      /code 1/,
    ],
    [
      'categories that are numbers',
      encode({ n: 2, columns: [dense('c', 'float32', 0, 2, { categories: [1] })] }, [array]),
      /texts/,
    ],
    [
      'a sparse row beyond n',
      encode(
        {
          n: 2,
          columns: [
            {
              ...dense('g', 'float32', 0, 2),
              layout: 'sparse',
              indices: { dtype: 'uint32', offset: 8, length: 2 },
            },
          ],
        },
        [array, Uint32Array.of(0, 2)],
      ),
      /row 2 of 2/,
    ],
    [
      'a sparse column without rows',
      encode({ n: 2, columns: [{ ...dense('g', 'float32', 0, 2), layout: 'sparse' }] }, [array]),
      /not described/,
    ],
    [
      'missing values of another length',
      encode(
        {
          n: 2,
          columns: [dense('a', 'float32', 0, 2, { missing: { dtype: 'uint8', offset: 0, length: 1 } })],
        },
        [array],
      ),
      /uint8/,
    ],
    ['too few texts', encode({ n: 2, columns: [{ name: 't', dtype: 'string', values: ['a'] }] }), /1 values for 2/],
  ];
  it.each(bad)('refuses %s', (_, body, message) => {
    expect(() => decodeColumns(body)).toThrow(ColumnsError);
    expect(() => decodeColumns(body)).toThrow(message);
  });

  it('refuses every truncation of a good body', () => {
    const body = example();
    for (let length = 0; length < body.byteLength; length++) {
      // The last array ends 3 bytes before the padding does.
      if (length >= body.byteLength - 3) continue;
      expect(() => decodeColumns(body.slice(0, length))).toThrow(ColumnsError);
    }
  });

  it('survives changed bytes: reads them or throws its own error', () => {
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    for (let round = 0; round < 3000; round++) {
      const bytes = new Uint8Array(example());
      for (let k = 0; k <= random(4); k++) bytes[random(bytes.length)] = random(256);
      try {
        for (const column of decodeColumns(bytes.buffer).columns) if (column.layout !== 'string') column.dense();
      } catch (error) {
        expect(error).toBeInstanceOf(ColumnsError);
      }
    }
  });
});
