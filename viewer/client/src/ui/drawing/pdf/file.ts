/** The file format PDF (ISO 32000-1): numbered objects, and where each of them is. */

export type Content = string | Uint8Array<ArrayBuffer>;

/** Compress bytes, as the filter FlateDecode expects them; the browser does it beside the page. */
export async function deflated(parts: AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>) {
  const { readable, writable } = new CompressionStream('deflate');
  const read = new Response(readable).arrayBuffer();
  const writer = writable.getWriter();
  for await (const part of parts) await writer.write(part);
  await writer.close();
  return new Uint8Array(await read);
}

export class PdfFile {
  private readonly objects: (readonly Content[])[] = [];

  /** Add an object, and return the reference to it. */
  add(...parts: readonly Content[]): string {
    this.objects.push(parts);
    return `${this.objects.length} 0 R`;
  }

  /** Add a stream of bytes that are compressed already. */
  addStream(dictionary: string, bytes: Uint8Array<ArrayBuffer>): string {
    const head = `<< ${dictionary} /Filter /FlateDecode /Length ${bytes.length} >>\nstream\n`;
    return this.add(head, bytes, '\nendstream');
  }

  /** Return the file, with its first object to read. */
  finish(root: string, info: string): Blob {
    // The comment of bytes above 127 says that the file is binary.
    const parts: Uint8Array<ArrayBuffer>[] = [bytesOf('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n')];
    let length = parts[0]?.length ?? 0;
    const put = (content: Content) => {
      const bytes = typeof content === 'string' ? bytesOf(content) : content;
      parts.push(bytes);
      length += bytes.length;
    };
    const offsets = this.objects.map((contents, k) => {
      const at = length;
      put(`${k + 1} 0 obj\n`);
      for (const content of contents) put(content);
      put('\nendobj\n');
      return at;
    });
    const start = length;
    const rows = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
    const size = offsets.length + 1;
    put(`xref\n0 ${size}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${size} /Root ${root} /Info ${info} >>\n`);
    put(`startxref\n${start}\n%%EOF\n`);
    return new Blob(parts, { type: 'application/pdf' });
  }
}

/** The bytes of text whose characters are below 256. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}

/** A number as PDF writes it: without an exponent. */
export function written(value: number): string {
  return Number(value.toFixed(3)).toString();
}

/** A text of any characters: UTF-16 with its mark. */
export function unicode(text: string): string {
  let hex = 'FEFF';
  for (let k = 0; k < text.length; k++) hex += text.charCodeAt(k).toString(16).padStart(4, '0');
  return `<${hex}>`;
}
