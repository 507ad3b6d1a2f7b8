/** Lists of cells and bytes as text that needs no escapes in a URL. */

/**
 * Encode an ascending list of cells: runs, each with the gap before it and its length, seven bits a byte, then base64url.
 * Returns null if the text would be longer than `most`.
 */
export function packCells(cells: Uint32Array, most = Number.POSITIVE_INFINITY): string | null {
  const bytes: number[] = [];
  const put = (value: number) => {
    while (value >= 128) {
      bytes.push((value & 127) | 128);
      value = Math.floor(value / 128);
    }
    bytes.push(value);
  };
  let end = 0;
  for (let k = 0; k < cells.length; ) {
    const begin = cells[k] as number;
    let after = begin + 1;
    k++;
    while (k < cells.length && cells[k] === after) {
      after++;
      k++;
    }
    put(begin - end);
    put(after - begin - 1);
    end = after;
    if (bytes.length * 4 > most * 3) return null;
  }
  return toBase64(Uint8Array.from(bytes));
}

/** Decode a list of cells; cells from n on are left out. */
export function unpackCells(text: string, n: number): Uint32Array {
  const bytes = fromBase64(text);
  const cells: number[] = [];
  let at = 0;
  const take = (): number => {
    let value = 0;
    let scale = 1;
    while (at < bytes.length) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    return value;
  };
  let end = 0;
  while (at < bytes.length) {
    const begin = end + take();
    end = begin + take() + 1;
    if (begin >= n) break;
    for (let cell = begin; cell < Math.min(end, n); cell++) cells.push(cell);
  }
  return Uint32Array.from(cells);
}

/** Encode bytes as base64url. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @throws DOMException if the text is not base64 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}
