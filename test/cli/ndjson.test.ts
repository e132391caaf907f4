import test from 'ava';
import fc from 'fast-check';
import { type Line, readLines } from '../../src/cli/ndjson.js';

const encoder = new TextEncoder();

async function linesOf(chunks: readonly Uint8Array[], maxLineBytes = 1000): Promise<(string | null)[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  }
  const lines: Line[] = [];
  for await (const batch of readLines(source(), maxLineBytes)) lines.push(...batch);
  return lines.map((line) => (line === null ? null : new TextDecoder().decode(line)));
}

const text = (value: string): Uint8Array[] => [encoder.encode(value)];

test('lines are the same however the bytes are cut into chunks', async (t) => {
  const content = fc.array(fc.stringMatching(/^[a☤\r]{1,12}$/), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(content, fc.array(fc.nat(300), { maxLength: 10 }), async (lines, cuts) => {
      const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(''));
      const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      const chunks = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      t.deepEqual(await linesOf(chunks), lines);
    }),
  );
});

test('the last line needs no line feed, and one empty line at the end is not a line', async (t) => {
  t.deepEqual(await linesOf(text('a\nb')), ['a', 'b']);
  t.deepEqual(await linesOf(text('a\nb\n')), ['a', 'b']);
  t.deepEqual(await linesOf(text('a\nb\n\n')), ['a', 'b']);
  t.deepEqual(await linesOf(text('')), []);
});

test('an empty line in the middle is a line', async (t) => {
  t.deepEqual(await linesOf(text('a\n\nb\n')), ['a', '', 'b']);
  t.deepEqual(await linesOf([...text('a\n\n'), ...text('b')]), ['a', '', 'b']);
  t.deepEqual(await linesOf(text('\n\n')), ['']);
});

test('a carriage return is a byte of its line', async (t) => {
  t.deepEqual(await linesOf(text('a\r\nb\r')), ['a\r', 'b\r']);
});

test('a line that is too long is null and the lines around it are whole', async (t) => {
  t.deepEqual(await linesOf(text('ab\nabcd\nabcde\nx\n'), 4), ['ab', 'abcd', null, 'x']);
  t.deepEqual(await linesOf([...text('abc'), ...text('def'), ...text('ghi\nx')], 4), [null, 'x']);
});

test('a line that is too long is told before its end has come, and none of it is kept', async (t) => {
  let chunks = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      chunks += 1;
      yield await Promise.resolve(new Uint8Array(64).fill(0x61));
    }
  }
  for await (const lines of readLines(endless(), 1000)) {
    t.deepEqual(lines, [null]);
    break;
  }
  t.is(chunks, 16);
});
