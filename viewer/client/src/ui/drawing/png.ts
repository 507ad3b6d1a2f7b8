/** The resolution of a PNG: the chunk pHYs of the PNG specification (third edition, 11.3.4.3). */

const INCH = 0.0254;
/** The end of the signature and of the chunk IHDR, which comes first. */
const AFTER_HEADER = 33;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

/** Return a PNG that says how many dots an inch it has. */
export async function withResolution(png: Blob, dpi: number): Promise<Blob> {
  const chunk = new DataView(new ArrayBuffer(21));
  const perMetre = Math.round(dpi / INCH);
  chunk.setUint32(0, 9);
  for (const [k, letter] of [...'pHYs'].entries()) chunk.setUint8(4 + k, letter.charCodeAt(0));
  chunk.setUint32(8, perMetre);
  chunk.setUint32(12, perMetre);
  chunk.setUint8(16, 1);
  chunk.setUint32(17, crc(new Uint8Array(chunk.buffer, 4, 13)));
  const bytes = await png.arrayBuffer();
  return new Blob([bytes.slice(0, AFTER_HEADER), chunk.buffer, bytes.slice(AFTER_HEADER)], { type: 'image/png' });
}

/** Return the CRC-32 of bytes, as the chunks of a PNG have it. */
function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (TABLE[(sum ^ byte) & 0xff] as number) ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
