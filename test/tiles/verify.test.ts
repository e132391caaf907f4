import { createHash, randomBytes } from 'node:crypto';
import { crc32, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import type { TileEntry, VerifiedTile } from '../../src/contracts/index.js';
import { isSyncError, type ErrorCode } from '../../src/errors/index.js';
import { encodeTileBody, LINE_FEED_MEMBER, MAX_MEMBER_BYTES } from '../../src/tiles/body.js';
import { ndjson, sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import { assertVerified, blocksOf, entryOf, tileSample, verifyHere } from '../helpers/tile-bodies.js';
import { createRules, oddDocument } from '../workers/odd-rules.js';

const rules = sealedJson().create();
const verify = (
  entry: TileEntry,
  body: Uint8Array,
  { by = rules, maxBlockBytes = 1e8 } = {},
): Promise<VerifiedTile> => verifyHere(by, entry, body, maxBlockBytes);

/** A gzip member, made by hand. */
function member(
  documents: Uint8Array,
  { flags = 0, fields = Buffer.alloc(0), deflated = deflateRawSync(documents) } = {},
): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(documents));
  trailer.writeUInt32LE(documents.byteLength, 4);
  const header = Buffer.from([0x1f, 0x8b, 0x08, flags, 0, 0, 0, 0, 0, 3]);
  return Buffer.concat([header, fields, deflated, trailer]);
}

/** Cuts bytes into pieces. */
const cut = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );

async function throws(
  t: ExecutionContext,
  verifying: Promise<unknown>,
  code: ErrorCode,
  height: number,
  message = /./,
): Promise<void> {
  const error = await t.throwsAsync(verifying, { message });
  t.true(isSyncError(error, code), `${code}: ${String(error)}`);
  t.is(isSyncError(error) ? error.context.height : null, height);
}

const lengths = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 3000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 20_000, max: 150_000 }) },
    { weight: 2, arbitrary: fc.integer({ min: MAX_MEMBER_BYTES - 300, max: MAX_MEMBER_BYTES }) },
  ),
  { minLength: 1, maxLength: 60 },
);

test('A body in our layout is kept as it is, and all that is in it is told', async (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  await fc.assert(
    fc.asyncProperty(lengths, fc.nat({ max: 20 }), async (all, dropped) => {
      const documents = blocksOf(all).slice(Math.min(dropped, all.length - 1));
      const { entry, body, members } = await tileSample(rules, documents);
      const tile = await verify(entry, body);
      assertVerified(t, rules, tile, documents);
      t.is(tile.body.bytes, body);
      t.deepEqual(tile.body.members, members);
    }),
    { numRuns: 30, seed },
  );
});

test('A body in any other layout is encoded again in ours', async (t) => {
  const documents = blocksOf([10, 40_000, 3000, 50_000, 100_000, 20, 65_300, 70_000, 5]);
  const whole = ndjson(documents);
  const { entry, body, members } = await tileSample(rules, documents);
  const starts: number[] = [0];
  for (const { bytes } of members) starts.push((starts.at(-1) ?? 0) + bytes);
  const ours = members.map(({ bytes }, at) =>
    Buffer.from(body.subarray(starts[at], (starts[at] ?? 0) + bytes)),
  );
  const inPlace = (at: number, ...other: Uint8Array[]): Buffer =>
    Buffer.concat(ours.flatMap((piece, place) => (place === at ? other : [piece])));
  const piece = (at: number): Buffer => gunzipSync(ours[at] ?? Buffer.alloc(0));
  const empty = gzipSync('');
  const isLarge = (at: number): boolean => piece(at).byteLength > MAX_MEMBER_BYTES;
  const [small, large] = [ours.findIndex((_, at) => !isLarge(at)), ours.findIndex((_, at) => isLarge(at))];
  const padding = Buffer.from('000000ffff'.repeat(20_000), 'hex');
  const layouts: Record<string, Uint8Array> = {
    'one member': gzipSync(whole),
    'a member for each block': Buffer.concat(documents.map((document) => gzipSync(ndjson([document])))),
    'members that end inside blocks': Buffer.concat(cut(whole, 10_000).map((part) => gzipSync(part))),
    'members of 64 KiB each': Buffer.concat(cut(whole, MAX_MEMBER_BYTES).map((part) => gzipSync(part))),
    'the name of a file': inPlace(small, member(piece(small), { flags: 8, fields: Buffer.from('blocks\0') })),
    'an extra field': inPlace(small, member(piece(small), { flags: 4, fields: Buffer.from([2, 0, 7, 7]) })),
    'an empty member in front': Buffer.concat([empty, body]),
    'an empty member behind': Buffer.concat([body, empty]),
    'zeros behind': Buffer.concat([body, Buffer.alloc(100)]),
    'a member that is padded': inPlace(
      small,
      member(piece(small), { deflated: Buffer.concat([padding, deflateRawSync(piece(small))]) }),
    ),
    'a large block and its line feed in one': inPlace(large, gzipSync(piece(large))),
    'a line feed of another encoder': inPlace(
      large,
      gzipSync(piece(large).subarray(0, -1)),
      gzipSync('\n', { level: 0 }),
    ),
    'a line feed alone behind small blocks': inPlace(
      small,
      gzipSync(piece(small).subarray(0, -1)),
      LINE_FEED_MEMBER,
    ),
  };
  for (const [name, other] of Object.entries(layouts)) {
    t.is(Buffer.compare(gunzipSync(other), whole), 0, name);
    const tile = await verify({ ...entry, bytes: other.byteLength }, other);
    assertVerified(t, rules, tile, documents);
    t.is(Buffer.compare(tile.body.bytes, body), 0, name);
    t.deepEqual(tile.body.members, members, name);
    t.is(tile.bytes, body.byteLength, name);
  }
});

test('A body that another encoder made with our cuts is kept', async (t) => {
  const documents = blocksOf([10, 40_000, 3000, 100_000, 20]);
  const { entry, body, members } = await tileSample(rules, documents);
  let [block, offset] = [0, 0];
  const stored: Buffer[] = [];
  for (const { blocks, bytes } of members) {
    const part = body.subarray(offset, offset + bytes);
    const text = gunzipSync(part);
    const isLarge = text.byteLength > MAX_MEMBER_BYTES;
    stored.push(gzipSync(isLarge ? text.subarray(0, -1) : text, { level: 1 }));
    if (isLarge) stored.push(Buffer.from(LINE_FEED_MEMBER));
    block += blocks;
    offset += bytes;
  }
  t.is(block, documents.length);
  const other = Buffer.concat(stored);
  t.not(Buffer.compare(other, body), 0);
  const tile = await verify(entry, other);
  t.is(tile.body.bytes, other);
  assertVerified(t, rules, tile, documents);
});

test('What looks like the beginning of a member inside one is none', async (t) => {
  const before = oddDocument(0, 'a', 'z', 'x'.repeat(100));
  const fake = Buffer.alloc(18);
  fake.writeUInt32LE(crc32(before));
  fake.writeUInt32LE(before.byteLength, 4);
  fake.set([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3], 8);
  const documents = [Buffer.concat([before, fake, randomBytes(50).map((byte) => byte | 0x80)])];
  const body = gzipSync(ndjson(documents), { level: 0 });
  t.true(body.includes(fake));
  const odd = createRules();
  const tile = await verify(entryOf(odd, documents, body), body, { by: odd });
  t.deepEqual(tile.body.members, [{ blocks: 1, bytes: body.byteLength }]);
  assertVerified(t, odd, tile, documents);
});

const chain = sealedChain(40);
const between = (from: number, to: number): Uint8Array[] => chain.slice(from, to);
const withBlock = (at: number, document: Uint8Array): Uint8Array[] => chain.with(at, document);
const gz = (documents: readonly Uint8Array[]): Buffer => gzipSync(ndjson(documents));
const other = sealedChain(40, (height) => ({ branch: 'b', ...smallPayload(height) }));
const text = (document: Uint8Array | undefined): string => Buffer.from(document ?? []).toString();

/** Bodies in the place of blocks 0 to 39; the lengths are those that the index states, unless it lies about that. */
const damaged: readonly (readonly [
  what: string,
  body: Buffer,
  code: ErrorCode,
  height: number,
  claims?: Partial<TileEntry>,
])[] = [
  [
    'a block whose bytes were changed',
    gz(withBlock(7, Buffer.from(text(chain[7]).replace('Zoë 7', 'Zoé 7')))),
    'HASH_MISMATCH',
    7,
  ],
  ['a block of another branch', gz(withBlock(9, other[9] ?? new Uint8Array())), 'PARENT_MISMATCH', 9],
  ['a block that is missing', gz([...between(0, 9), ...between(10, 40)]), 'HEIGHT_GAP', 9],
  ['a block twice', gz([...between(0, 10), ...between(9, 39)]), 'HEIGHT_MISMATCH', 10],
  [
    'two blocks in the other order',
    gz([...between(0, 4), ...between(5, 6), ...between(4, 5)]),
    'HEIGHT_GAP',
    4,
  ],
  ['an empty line', gz([...between(0, 5), new Uint8Array(), ...between(5, 40)]), 'BLOCK_MALFORMED', 5],
  ['an empty line at the end', gz([...between(0, 39), new Uint8Array()]), 'BLOCK_MALFORMED', 39],
  ['no JSON', gz(withBlock(3, Buffer.from('{'))), 'BLOCK_MALFORMED', 3],
  [
    'a line that ends with a carriage return',
    gz(withBlock(3, Buffer.from(`${text(chain[3])}\r`))),
    'BLOCK_MALFORMED',
    3,
  ],
  ['no line feed at the end', gzipSync(ndjson(chain).subarray(0, -1)), 'CODEC_CORRUPT', 39],
  ['fewer blocks', gz(between(0, 30)), 'TILE_MISMATCH', 39],
  ['no block', gzipSync(''), 'TILE_MISMATCH', 39],
  ['more blocks', gz(chain), 'TILE_MISMATCH', 29, { to: 29 }],
  ['the blocks before', gz(between(0, 20)), 'HEIGHT_MISMATCH', 20, { from: 20 }],
  ['the blocks behind', gz(between(20, 40)), 'HEIGHT_GAP', 0, { to: 19 }],
  ['another branch', gz(other), 'TILE_MISMATCH', 39],
  ['another hash in the index', gz(chain), 'TILE_MISMATCH', 39, { hash: 'f'.repeat(64) }],
  [
    'a longer length in the index',
    gz(chain),
    'TILE_MISMATCH',
    39,
    { documentBytes: ndjson(chain).byteLength + 1 },
  ],
  ['a shorter length in the index', gz(chain), 'CODEC_OUTPUT_TOO_LARGE', 0, { documentBytes: 1000 }],
  ['another digest in the index', gz(chain), 'TILE_MISMATCH', 39, { digest: 'f'.repeat(64) }],
  ['nothing', Buffer.alloc(0), 'CODEC_CORRUPT', 0],
  ['no gzip', Buffer.from('{"hash":1}\n'), 'CODEC_CORRUPT', 0],
  ['half of a member', gz(chain).subarray(0, 2000), 'CODEC_CORRUPT', 0],
  ['something behind it', Buffer.concat([gz(chain), Buffer.from('x')]), 'CODEC_CORRUPT', 0],
  [
    'half of a header behind it',
    Buffer.concat([gz(chain), Buffer.from([0x1f, 0x8b, 8])]),
    'CODEC_CORRUPT',
    0,
  ],
  ['another checksum', Buffer.concat([gz(chain).subarray(0, -8), Buffer.alloc(8)]), 'CODEC_CORRUPT', 0],
];

for (const [what, body, code, height, claims = {}] of damaged) {
  test(`A tile with ${what} is ${code}, and the error tells the height`, async (t) => {
    const honest = entryOf(rules, chain, body);
    const plain = isSound(body) ? gunzipSync(body).byteLength : honest.documentBytes;
    const entry = { ...honest, documentBytes: Math.max(plain, 100), ...claims };
    await throws(t, verify(entry, body), code, height);
  });
}

function isSound(body: Buffer): boolean {
  try {
    return gunzipSync(body).byteLength > 0;
  } catch {
    return false;
  }
}

test('A genesis block of another kind is refused as it is alone', async (t) => {
  const documents = [oddDocument(0, 'a', 'z'), oddDocument(1, 'b', 'a')];
  const odd = { ...createRules(), genesisPreviousHash: 'y' };
  const { entry, body } = await tileSample(odd, documents);
  await throws(t, verify(entry, body, { by: odd }), 'GENESIS_MISMATCH', 0);
  await t.notThrowsAsync(verify(entry, body, { by: createRules() }));
});

test('A block above the limit of this node is refused, and of one that is alone nothing is decoded', async (t) => {
  const documents = blocksOf([100, 2000, 100]);
  const { entry, body } = await tileSample(rules, documents);
  const large = documents[1]?.byteLength ?? 0;
  await t.notThrowsAsync(verify(entry, body, { maxBlockBytes: large }));
  const message = new RegExp(`${large} bytes, more than the ${large - 1}`);
  await throws(t, verify(entry, body, { maxBlockBytes: large - 1 }), 'BLOCK_TOO_LARGE', 1, message);
  const alone = { ...entry, from: 1, to: 1, documentBytes: large + 1 };
  const nothing = new Uint8Array();
  await throws(t, verify(alone, nothing, { maxBlockBytes: large - 1 }), 'BLOCK_TOO_LARGE', 1, message);
  await throws(t, verify(alone, nothing, { maxBlockBytes: large }), 'CODEC_CORRUPT', 1);
  await throws(t, verify(entry, nothing, { maxBlockBytes: 700 }), 'BLOCK_TOO_LARGE', 0);
});

test('The digest of the documents is checked where the index has one', async (t) => {
  const documents = blocksOf([100, 200_000, 90_000, 100]);
  const { entry, body } = await tileSample(rules, documents);
  const digest = createHash('sha256').update(ndjson(documents)).digest('hex');
  const tile = await verify({ ...entry, digest }, body);
  t.is(tile.digest, digest);
  const rest = { ...entry, digest: digest.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) };
  await throws(t, verify(rest, body), 'TILE_MISMATCH', entry.to, /digest/);
});

test('Bombs are stopped at the bytes that the index states, in any layout', async (t) => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const many = Buffer.concat(Array.from({ length: 2000 }, () => gzipSync(zeros.subarray(0, 60_000))));
  const nothings = Buffer.concat(Array.from({ length: 20_000 }, () => gzipSync('')));
  const { entry, body } = await tileSample(rules, chain);
  const large = Buffer.concat([gzipSync(zeros), LINE_FEED_MEMBER]);
  for (const bomb of [gzipSync(zeros), many, large, Buffer.concat([body, gzipSync(zeros)])])
    await throws(t, verify(entry, bomb), 'CODEC_OUTPUT_TOO_LARGE', 0);
  await throws(t, verify(entry, nothings), 'TILE_MISMATCH', 39);
});

test('Whatever is done to a body, it is refused with a code, or its blocks are what they were', async (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  const documents = blocksOf([10, 40_000, 3000, 50_000, 100_000, 20, 65_300, 70_000, 5, 30, 900]);
  const { entry, body } = await tileSample(rules, documents);
  const bodies = [Buffer.from(body), gzipSync(ndjson(documents))];
  const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const change = fc.record({
    how: fc.constantFrom('flip', 'set', 'cut', 'drop', 'double', 'insert', 'swap', 'none'),
    at: place,
    length: fc.nat({ max: 300 }),
    byte: fc.nat({ max: 255 }),
  });
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 1 }), fc.array(change, { maxLength: 3 }), async (which, changes) => {
      const mutant = changes.reduce(mutate, bodies[which] ?? Buffer.alloc(0));
      try {
        assertVerified(t, rules, await verify(entry, mutant), documents);
        taken++;
      } catch (error) {
        if (!isSyncError(error)) throw error;
        t.is(typeof error.context.height, 'number', String(error));
      }
    }),
    { numRuns: 400, seed },
  );
  t.true(taken > 0);
});

interface Change {
  readonly how: string;
  readonly at: number;
  readonly length: number;
  readonly byte: number;
}

function mutate(bytes: Buffer, { how, at, length, byte }: Change): Buffer {
  const start = Math.floor(at * bytes.byteLength);
  const part = bytes.subarray(start, start + length);
  const [before, after] = [bytes.subarray(0, start), bytes.subarray(start + length)];
  const pieces: Readonly<Record<string, readonly Uint8Array[]>> = {
    cut: [before],
    drop: [before, after],
    double: [before, part, part, after],
    insert: [before, Buffer.alloc(length, byte), part, after],
    swap: [after, part, before],
    set: [before, part.map((old, place) => (place === 0 ? byte : old)), after],
    flip: [before, part.map((old, place) => (place === 0 ? old ^ (1 << (byte % 8)) : old)), after],
  };
  return Buffer.concat(pieces[how] ?? [bytes]);
}

test('Our own encoder and the verifier agree on every body of a chain, whatever codec its blocks are in', async (t) => {
  const documents = blocksOf([70_000, 10, 65_900, 80_000, 200]);
  const { parts } = await encodeTileBody(
    documents.map((document) => ({
      codec: 'gzip',
      bytes: gzipSync(document),
      documentBytes: document.byteLength,
    })),
  );
  const body = Buffer.concat(parts);
  t.is((await verify(entryOf(rules, documents, body), body)).body.bytes, body);
});
