import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import test from 'ava';
import bz2 from 'bz2';
import fc from 'fast-check';
import { BZIP2_STREAM_BYTES, bzip2 } from '../../plugins/codec-bzip2/index.js';
import { codecCompliance } from '../../src/testing/compliance/codec.js';
import { collect, inPieces, mibOfText, takeOne } from '../../src/testing/compliance/codec-samples.js';
import { cut, outcomes, runsAndNoise, streamsOf } from './codec-bzip2-support.js';

const codec = bzip2().create();
const limits = { maxOutputBytes: 64 * 1024 * 1024 };
const text = Buffer.from('{"height":1,"payload":"bzip2 corner cases, bzip2 corner cases"}');

for (const requirement of codecCompliance({ codec })) {
  test(`bzip2 ${requirement.id}: ${requirement.title}`, async (t) => {
    await t.notThrowsAsync(requirement.run());
  });
}

test('bzip2 gives back any bytes, however a stream of them is cut', async (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(runsAndNoise, sizes, sizes, async (document, sizesIn, sizesOut) => {
      const encoded = codec.encode(document);
      t.is(Buffer.compare(codec.decode(encoded, limits), document), 0);
      const streamed = await collect(codec.encodeStream(cut(document, sizesIn)));
      t.is(Buffer.compare(streamed, encoded), 0);
      const decoded = await collect(codec.decodeStream(cut(encoded, sizesOut), limits));
      t.is(Buffer.compare(decoded, document), 0);
    }),
    { numRuns: 60 },
  );
});

test('bzip2 makes streams that another decoder reads', (t) => {
  // bz2 1.0.1 loses bytes of long runs, and reads FF 00 as 00 00, in what the bzip2 program makes too.
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20_000, max: 254 }), (document) => {
      t.is(Buffer.compare(bz2.decompress(codec.encode(document)), document), 0);
    }),
    { numRuns: 20 },
  );
});

test('bzip2 gives back blocks that repeat a word, whose rotations are equal', (t) => {
  for (const word of ['a', 'ab', 'aab', 'abcabd', 'x'.repeat(255), `${'ab'.repeat(50)}c`]) {
    for (const times of [1, 2, 3, 7, 1000]) {
      const document = Buffer.from(word.repeat(times));
      const encoded = codec.encode(document);
      t.is(Buffer.compare(codec.decode(encoded, limits), document), 0);
      if (!/(.)\1{99}/.test(document.toString())) t.is(Buffer.compare(bz2.decompress(encoded), document), 0);
    }
  }
});

test('bzip2 encodes full streams and a shorter one at the end', (t) => {
  const document = randomBytes(2 * BZIP2_STREAM_BYTES + 1);
  const lengths = streamsOf(codec.encode(document)).map((stream) => bz2.decompress(stream).length);
  t.deepEqual(lengths, [BZIP2_STREAM_BYTES, BZIP2_STREAM_BYTES, 1]);
  const exact = codec.encode(document.subarray(0, 2 * BZIP2_STREAM_BYTES));
  t.is(streamsOf(exact).length, 2);
  t.is(codec.decode(exact, limits).length, 2 * BZIP2_STREAM_BYTES);
});

test('bzip2 refuses a stream that is not full with another behind it, unless the plugin is told otherwise', async (t) => {
  const full = mibOfText().subarray(0, BZIP2_STREAM_BYTES);
  const body = (...documents: Uint8Array[]): Buffer =>
    Buffer.concat(documents.map((document) => codec.encode(document)));
  t.deepEqual(await outcomes(codec, body(full, text)), [`${full.length + text.length} bytes`]);
  for (const refused of [
    body(text, text),
    body(full.subarray(1), text),
    body(new Uint8Array(), text),
    body(text, new Uint8Array()),
  ]) {
    t.deepEqual(await outcomes(codec, refused), ['CODEC_CORRUPT']);
  }
  const any = bzip2({ multiStream: true }).create();
  const several = body(text, new Uint8Array(), full.subarray(1), text);
  const decoded = await collect(any.decodeStream(inPieces(several, 5000), limits));
  t.is(Buffer.compare(decoded, Buffer.concat([text, full.subarray(1), text])), 0);
  const withTail = Buffer.concat([several, Uint8Array.of(0)]);
  await t.throwsAsync(collect(any.decodeStream(inPieces(withTail, 5000), limits)), { code: 'CODEC_CORRUPT' });
  t.throws(() => any.decode(several, limits), { code: 'CODEC_CORRUPT' });
});

test('bzip2 names what is wrong', (t) => {
  const encoded = Buffer.from(codec.encode(text));
  const altered = (at: number): Buffer => {
    const copy = Buffer.from(encoded);
    copy[at] = (copy[at] ?? 0) ^ 0xff;
    return copy;
  };
  const message = (bytes: Uint8Array): string => t.throws(() => codec.decode(bytes, limits)).message;
  t.regex(message(altered(0)), /does not start with BZh1/);
  t.regex(message(Buffer.from('BZh0')), /does not start with BZh1/);
  t.regex(message(altered(5)), /data is damaged/);
  t.regex(message(altered(11)), /block's checksum/);
  t.regex(message(altered(14)), /randomised block/);
  t.regex(message(altered(encoded.length - 3)), /stream's checksum/);
  t.regex(message(encoded.subarray(0, -1)), /truncated/);
  t.regex(message(Buffer.concat([encoded, Buffer.from('x')])), /bytes follow/);
});

test('bzip2 refuses any single flipped bit, in streams of every level', async (t) => {
  for (const level of [1, 5, 9]) {
    const encoded = bzip2({ level }).create().encode(text);
    for (let bit = 0; bit < encoded.length * 8; bit++) {
      const damaged = Buffer.from(encoded);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const [found, ...others] = await outcomes(codec, damaged, [7]);
      t.deepEqual(others, []);
      // The level only states the size of a block, and the last byte may have bits that are not used.
      if (found !== 'CODEC_CORRUPT') t.is(found, `${text.length} bytes`);
    }
  }
});

test('bzip2 never fails in another way than by its codes, whatever the bytes', async (t) => {
  const valid = codec.encode(mibOfText().subarray(0, 20_000));
  const change = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
      const damaged = Buffer.from(valid);
      for (const { at, byte } of changes) damaged[at] = byte;
      for (const outcome of await outcomes(codec, damaged, [3000])) {
        t.regex(outcome, /^(CODEC_CORRUPT|CODEC_OUTPUT_TOO_LARGE|20000 bytes)$/);
      }
    }),
    { numRuns: 300 },
  );
  // The codec is none the worse for it.
  t.is(codec.decode(valid, limits).length, 20_000);
});

test('bzip2 decodes several streams at once', async (t) => {
  const documents = [1, 2, 3, 4].map((i) => Buffer.alloc(250_000 * i, `text number ${i}, `));
  const decoded = await Promise.all(
    documents.map((document) => collect(codec.decodeStream(inPieces(codec.encode(document), 50), limits))),
  );
  t.true(decoded.every((bytes, i) => Buffer.compare(bytes, documents[i] ?? bytes) === 0 && bytes.length > 0));
  const left = codec.encode(randomBytes(300_000));
  await takeOne(codec.decodeStream(inPieces(left, 100_000), limits));
  t.is(codec.decode(codec.encode(text), limits).length, text.length);
});

test('bzip2 lets the event loop turn between any two streams that it encodes', async (t) => {
  const document = randomBytes(4 * BZIP2_STREAM_BYTES + 1);
  for (const size of [document.length, 50_000]) {
    const { chunks, turns } = await watched(codec.encodeStream(inPieces(document, size)));
    t.is(chunks.length, 5);
    t.true(
      turns.every((turn, i) => turn > (turns[i - 1] ?? -1)),
      turns.join(),
    );
  }
});

test('bzip2 lets the event loop turn whenever it has decoded a part of a block, in whatever pieces the body comes', async (t) => {
  for (const document of [Buffer.concat([mibOfText(), mibOfText()]), randomBytes(2 * BZIP2_STREAM_BYTES)]) {
    const encoded = codec.encode(document);
    for (const size of [encoded.length, 64 * 1024, 1000]) {
      const { chunks, turns } = await watched(codec.decodeStream(inPieces(encoded, size), limits));
      t.is(Buffer.compare(Buffer.concat(chunks), document), 0);
      const inTurn = new Map<number, number>();
      chunks.forEach((chunk, i) => {
        const turn = turns[i] ?? 0;
        inTurn.set(turn, (inTurn.get(turn) ?? 0) + chunk.length);
      });
      // Far less than the 900 kB of a block, whose making takes some milliseconds.
      const most = Math.max(...inTurn.values());
      t.true(most <= 350_000, `${most} bytes in one turn of the loop, from pieces of ${size}`);
    }
  }
});

test('bzip2 lets the event loop turn while it decodes streams that are empty', async (t) => {
  const empty = codec.encode(new Uint8Array());
  const encoded = Buffer.alloc(empty.length * 100_000, empty);
  const any = bzip2({ multiStream: true }).create();
  const { chunks, turned } = await watched(any.decodeStream(inPieces(encoded, encoded.length), limits));
  t.is(chunks.length, 0);
  t.true(turned >= Math.floor(encoded.length / 350_000), `${turned} turns for ${encoded.length} bytes`);
});

/** Takes all chunks; says in which turn of the event loop each came, and how many turns there were. */
async function watched(
  source: AsyncIterable<Uint8Array>,
): Promise<{ chunks: Uint8Array[]; turns: number[]; turned: number }> {
  let turned = 0;
  const count = (): void => {
    turned++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const chunks: Uint8Array[] = [];
  const turns: number[] = [];
  try {
    for await (const chunk of source) {
      chunks.push(chunk);
      turns.push(turned);
    }
  } finally {
    clearImmediate(next);
  }
  return { chunks, turns, turned };
}

test('bzip2 refuses levels that do not exist', (t) => {
  for (const level of [0, 10, 1.5, NaN]) t.throws(() => bzip2({ level }), { instanceOf: TypeError });
  const large = mibOfText();
  t.true(
    bzip2({ level: 9 }).create().encode(large).length < bzip2({ level: 1 }).create().encode(large).length,
  );
});

test('bzip2 says so where WebAssembly is switched off', async (t) => {
  const plugin = JSON.stringify(new URL('../../plugins/codec-bzip2/index.js', import.meta.url).href);
  const script = `
    import { bzip2 } from ${plugin};
    try { bzip2().create().encode(new Uint8Array(1)); } catch (error) { console.log(error.code); }`;
  const args = ['--jitless', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  t.is(stdout.trim(), 'CODEC_UNAVAILABLE');
});
