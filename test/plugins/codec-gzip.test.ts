import { readFileSync } from 'node:fs';
import type { Transform } from 'node:stream';
import { createGzip, crc32, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { isSyncError, type ErrorCode } from '../../src/errors/index.js';
import { codecCompliance } from '../../src/testing/compliance/codec.js';
import { collect, inPieces, takeOne } from '../../src/testing/compliance/codec-samples.js';
import { dataTest } from '../helpers/data-test.js';
import { until } from '../helpers/waiting.js';

const codec = gzip().create();
const limits = { maxOutputBytes: 64 * 1024 * 1024 };
const text = Buffer.from('{"height":1,"payload":"gzip corner cases, gzip corner cases"}');

for (const requirement of codecCompliance({ codec })) {
  test(`gzip ${requirement.id}: ${requirement.title}`, async (t) => {
    await t.notThrowsAsync(requirement.run());
  });
}

interface Parts {
  flags?: number;
  method?: number;
  optional?: Buffer;
  crc?: number;
  size?: number;
}

/** A gzip member put together by hand (RFC 1952). */
function member({ flags = 0, method = 8, optional = Buffer.alloc(0), crc, size }: Parts): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc ?? crc32(text), 0);
  trailer.writeUInt32LE(size ?? text.length, 4);
  const fixed = Buffer.from([0x1f, 0x8b, method, flags, 0, 0, 0, 0, 0, 255]);
  return Buffer.concat([fixed, optional, deflateRawSync(text), trailer]);
}

function withHeaderCrc(flags: number, optional: Buffer, change = 0): Parts {
  const fixed = Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255]);
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE((crc32(Buffer.concat([fixed, optional])) & 0xffff) ^ change);
  return { flags, optional: Buffer.concat([optional, crc]) };
}

const extra = Buffer.from([4, 0, 1, 2, 0, 0]);
const name = Buffer.from('block.json\0');
const comment = Buffer.from('a comment\0');
const all = Buffer.concat([extra, name, comment]);

async function outcome(bytes: Uint8Array): Promise<string[]> {
  const say = (error: unknown): string => (isSyncError(error) ? error.code : String(error));
  const whole = (): string => Buffer.from(codec.decode(bytes, limits)).toString();
  const results: string[] = [];
  try {
    results.push(whole());
  } catch (error) {
    results.push(say(error));
  }
  for (const size of [1, 3, 1000]) {
    const streamed = collect(codec.decodeStream(inPieces(bytes, size), limits));
    results.push(await streamed.then((decoded) => Buffer.from(decoded).toString(), say));
  }
  return [...new Set(results)];
}

const taken: Record<string, Parts> = {
  'no optional field': {},
  'the text flag': { flags: 0x01 },
  'an extra field': { flags: 0x04, optional: extra },
  'an empty extra field': { flags: 0x04, optional: Buffer.from([0, 0]) },
  'a file name': { flags: 0x08, optional: name },
  'an empty file name': { flags: 0x08, optional: Buffer.from([0]) },
  'a comment': { flags: 0x10, optional: comment },
  'a header checksum': withHeaderCrc(0x02, Buffer.alloc(0)),
  'every optional field': withHeaderCrc(0x1f, all),
};
for (const [title, parts] of Object.entries(taken)) {
  test(`gzip takes a member with ${title}`, async (t) => {
    t.deepEqual(await outcome(member(parts)), [text.toString()]);
  });
}

const refusals: Record<string, Buffer> = {
  'a wrong checksum': member({ crc: 1 }),
  'a length in the trailer that is too small': member({ size: text.length - 1 }),
  'a length in the trailer that is too large': member({ size: text.length + 1 }),
  'a length in the trailer of zero': member({ size: 0 }),
  'a length in the trailer of 4 GiB less one': member({ size: 0xffffffff }),
  'reserved flag 0x20': member({ flags: 0x20 }),
  'reserved flag 0x40': member({ flags: 0x40 }),
  'reserved flag 0x80': member({ flags: 0x80 }),
  'method 0': member({ method: 0 }),
  'method 7': member({ method: 7 }),
  'a wrong header checksum': member(withHeaderCrc(0x1f, all, 1)),
  'an extra field that runs past the end': member({ flags: 0x04, optional: Buffer.from([0xff, 0xff]) }),
  'a file name without an end': Buffer.from([
    0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, 65, 66, 67, 68, 69, 70, 71, 72, 73,
  ]),
  'a file name of 9,000 bytes': member({
    flags: 0x08,
    optional: Buffer.concat([Buffer.alloc(9000, 65), Buffer.of(0)]),
  }),
  'a zlib header': Buffer.from([0x78, 0x9c, 3, 0, 0, 0, 0, 1]),
  'nothing at all': Buffer.alloc(0),
  'a bad first byte': Buffer.concat([Buffer.of(0x1e), member({}).subarray(1)]),
  'a plain document': text,
};
for (const [title, bytes] of Object.entries(refusals)) {
  test(`gzip refuses ${title}`, async (t) => {
    t.deepEqual(await outcome(bytes), ['CODEC_CORRUPT']);
  });
}

test('gzip refuses two members and trailing zeros that gunzip takes', async (t) => {
  const two = Buffer.concat([member({}), member({})]);
  t.is(gunzipSync(two).length, 2 * text.length);
  t.deepEqual(await outcome(two), ['CODEC_CORRUPT']);
  const padded = Buffer.concat([member({}), Buffer.alloc(512)]);
  t.is(gunzipSync(padded).length, text.length);
  t.deepEqual(await outcome(padded), ['CODEC_CORRUPT']);
});

test('gzip finds the end of the deflate data exactly, for any document and level', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 3000, size: 'max' }),
      fc.integer({ min: 0, max: 9 }),
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      (document, level, tail) => {
        const encoded = gzipSync(document, { level });
        t.is(Buffer.compare(codec.decode(encoded, limits), document), 0);
        expectCode(t, () => codec.decode(Buffer.concat([encoded, tail]), limits), 'CODEC_CORRUPT');
      },
    ),
    { numRuns: 300 },
  );
});

test('gzip decodes a stream cut anywhere to the same bytes', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 2000, size: 'max' }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
      async (document, sizes) => {
        const pieces = cut(gzipSync(document), sizes);
        const decoded = await collect(codec.decodeStream(pieces, limits));
        t.is(Buffer.compare(decoded, document), 0);
      },
    ),
    { numRuns: 60 },
  );
});

test('gzip allocates for a small input no more than it can hold, whatever its trailer claims', (t) => {
  const liar = member({ size: 60 * 1024 * 1024 });
  const before = process.memoryUsage().arrayBuffers;
  expectCode(t, () => codec.decode(liar, limits), 'CODEC_CORRUPT');
  t.true(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

test('gzip decodes into one buffer of the right size', (t) => {
  const document = Buffer.alloc(97_000, 'abcdefg');
  const decoded = codec.decode(gzipSync(document), limits);
  t.true(decoded.buffer.byteLength - document.length <= 1);
});

test('gzip takes up to the limit whatever the ratio, and nothing above', (t) => {
  const encoded = codec.encode(new Uint8Array(4 * 1024 * 1024));
  t.true(encoded.length * 900 < 4 * 1024 * 1024);
  t.is(codec.decode(encoded, { maxOutputBytes: 4 * 1024 * 1024 }).length, 4 * 1024 * 1024);
  expectCode(
    t,
    () => codec.decode(encoded, { maxOutputBytes: 4 * 1024 * 1024 - 1 }),
    'CODEC_OUTPUT_TOO_LARGE',
  );
});

test('gzip makes longer what has a file name in its header, and other programs read it', (t) => {
  const plain = gzipSync(text);
  const named = Buffer.concat([plain.subarray(0, 10), Buffer.from('name\0'), plain.subarray(10)]);
  named[3] = 0x08;
  const longer = codec.pad?.(named, named.length + 1000) ?? named;
  t.true(longer.length >= named.length + 1000);
  t.deepEqual(gunzipSync(longer), Buffer.from(text));
});

test.serial('gzip frees its zlib handles when a stream is left early, fails or is called off', async (t) => {
  const open = openZlibStreams(t);
  const encoded = codec.encode(Buffer.alloc(3_000_000, 'some text that is not random '));
  await takeOne(codec.decodeStream(inPieces(encoded, 100), limits));
  await takeOne(codec.encodeStream(inPieces(encoded, 100)));
  await t.throwsAsync(collect(codec.decodeStream(inPieces(encoded.subarray(0, 3000), 100), limits)));
  const abort = new AbortController();
  const running = collect(codec.decodeStream(endless(encoded), { ...limits, signal: abort.signal }));
  const aborted = t.throwsAsync(running, { code: 'ABORTED' });
  await until(() => open.used.size === 4);
  abort.abort();
  await aborted;
  t.is(open.used.size, 4);
  t.is(open.destroyed.size, 4);
});

test('gzip refuses levels that do not exist', (t) => {
  for (const level of [-1, 10, 1.5, NaN]) t.throws(() => gzip({ level }), { instanceOf: TypeError });
  t.true(gzip({ level: 9 }).create().encode(text).length <= gzip({ level: 0 }).create().encode(text).length);
});

dataTest(
  'gzip refuses the damaged file of Go issue 6550',
  'vectors/go-compress/gzip/issue6550.gz.base64',
  async (t, file) => {
    const bytes = Buffer.from(readFileSync(file, 'latin1'), 'base64');
    t.deepEqual(await outcome(bytes), ['CODEC_CORRUPT']);
  },
);

function expectCode(t: ExecutionContext, run: () => unknown, code: ErrorCode): void {
  const error = t.throws(run);
  t.true(isSyncError(error, code), String(error));
}

async function* cut(
  bytes: Uint8Array,
  sizes: readonly number[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

async function* endless(start: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield start.subarray(0, 2000);
  await new Promise(() => undefined);
}

/** Watches the class that all zlib streams share: an open handle shows in no list that Node offers. */
function openZlibStreams(t: ExecutionContext): { used: Set<Transform>; destroyed: Set<Transform> } {
  const used = new Set<Transform>();
  const destroyed = new Set<Transform>();
  const probe = createGzip();
  const base = Object.getPrototypeOf(Object.getPrototypeOf(Object.getPrototypeOf(probe))) as Transform;
  probe.destroy();
  const transform = Reflect.get(base, '_transform') as (...args: unknown[]) => void;
  const destroy = Reflect.get(base, '_destroy') as (...args: unknown[]) => void;
  base._transform = function (...args) {
    used.add(this);
    transform.apply(this, args);
  };
  base._destroy = function (...args) {
    destroyed.add(this);
    destroy.apply(this, args);
  };
  t.teardown(() => {
    Object.assign(base, { _transform: transform, _destroy: destroy });
  });
  return { used, destroyed };
}
