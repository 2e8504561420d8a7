import { expect, test } from 'vitest';
import { linesOf } from '../../src/client/lines.ts';

async function* chunksOf(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(chunks)) lines.push(line);
  return lines;
}

const TEXT = '{"a":"é€😀"}\n\n{"b":2}\r\n{"c":"x"}\n';

test.each([1, 2, 3, 5, 7, 1000])(
  'linesOf() gives the same lines in chunks of %d bytes',
  async (size) => {
    const lines = await all(chunksOf(Buffer.from(TEXT), size));
    expect(lines.map((line) => JSON.parse(line))).toEqual([{ a: 'é€😀' }, { b: 2 }, { c: 'x' }]);
  },
);

test('linesOf() fails when the stream ends in the middle of a line', async () => {
  await expect(all(chunksOf(Buffer.from('{"a":1}\n{"b"'), 4))).rejects.toThrow(
    'the stream ended in the middle of a line',
  );
});

test('linesOf() of nothing is nothing', async () => {
  expect(await all(chunksOf(Buffer.from(''), 4))).toEqual([]);
});
