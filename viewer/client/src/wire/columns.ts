/**
 * Decoder of `application/vnd.starcyte.columns`: "SCC1", a uint32 header length, a JSON header, then the arrays.
 * The arrays of the answer are views on the body; nothing is copied.
 */

/** The media type to send as `Accept`. */
export const COLUMNS_TYPE = 'application/vnd.starcyte.columns';

/** Every array type the wire carries. */
export type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array;

export type Dtype = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32' | 'float32' | 'float64';

/** A column with one element for each row. */
export interface DenseColumn {
  readonly layout: 'dense';
  readonly name: string;
  readonly dtype: Dtype;
  /** A view on the body. For a categorical column: codes, -1 is missing. */
  readonly values: NumberArray;
  /** Category names where the column is categorical. */
  readonly categories: readonly string[] | null;
  readonly ordered: boolean;
  /** 1 where the value is missing; null where nothing is (or where NaN or -1 says so). */
  readonly missing: Uint8Array | null;
  /** The values themselves. */
  dense(): NumberArray;
}

/** A column of which only the cells listed are not 0. */
export interface SparseColumn {
  readonly layout: 'sparse';
  readonly name: string;
  readonly dtype: Dtype;
  /** Rows that are listed: each below `n`. */
  readonly indices: Uint32Array | Int32Array | Uint16Array;
  /** Their values, in the same order. */
  readonly values: NumberArray;
  /** A new array of `n` elements, 0 where no value is listed. */
  dense(): NumberArray;
}

/** A text column of too many values for codes; its texts come in the header. */
export interface StringColumn {
  readonly layout: 'string';
  readonly name: string;
  readonly values: readonly (string | null)[];
}

export type Column = DenseColumn | SparseColumn | StringColumn;

export interface Columns {
  /** Number of rows. */
  readonly n: number;
  readonly columns: readonly Column[];
}

/** A body that is not what the format says. The message names the defect. */
export class ColumnsError extends Error {
  override name = 'ColumnsError';
}

/**
 * Decode a body.
 *
 * @param body - the whole answer, as `Response.arrayBuffer()` gives it
 * @returns its columns, as views on `body`
 * @throws ColumnsError where the body contradicts the format
 */
export declare function decodeColumns(body: ArrayBuffer): Columns;
