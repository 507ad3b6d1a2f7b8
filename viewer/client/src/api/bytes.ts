/** The bytes of an answer, with what of them has arrived. */

export type OnProgress = (received: number, total: number) => void;

/** The size of an answer before its compression. */
const LENGTH = 'X-Starcyte-Length';

/** Read an answer, and tell how much of it has arrived. */
export async function bytesOf(response: Response, onProgress: OnProgress): Promise<ArrayBuffer> {
  const total = Number(response.headers.get(LENGTH) ?? response.headers.get('Content-Length') ?? 0);
  if (!response.body || !(total > 0)) return response.arrayBuffer();
  const reader = response.body.getReader();
  const parts: Uint8Array[] = [];
  let received = 0;
  onProgress(0, total);
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    received += value.length;
    onProgress(received, Math.max(total, received));
  }
  const whole = new Uint8Array(received);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}
