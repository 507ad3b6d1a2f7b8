import { expect, test } from 'vitest';
import { bytesOf } from './bytes';

function answer(parts: readonly number[][], headers: Record<string, string>): Response {
  const body = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new Uint8Array(part));
      controller.close();
    },
  });
  return new Response(body, { headers });
}

test('an answer arrives part by part, measured by its size before compression', async () => {
  const seen: [number, number][] = [];
  const response = answer([[1, 2], [3], [4, 5, 6]], { 'X-Starcyte-Length': '6', 'Content-Length': '4' });
  const bytes = await bytesOf(response, (received, total) => seen.push([received, total]));
  expect([...new Uint8Array(bytes)]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(seen).toEqual([
    [0, 6],
    [2, 6],
    [3, 6],
    [6, 6],
  ]);
});

test('without a size an answer is read as a whole', async () => {
  const seen: number[] = [];
  const bytes = await bytesOf(answer([[7], [8]], {}), (received) => seen.push(received));
  expect([...new Uint8Array(bytes)]).toEqual([7, 8]);
  expect(seen).toEqual([]);
});
