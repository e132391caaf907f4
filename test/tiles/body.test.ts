import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import {
  decodeTileBytes,
  encodeTileBody,
  isLarge,
  largeFrameOf,
  MAX_MEMBER_BYTES,
  type TileBlock,
  type TileParts,
} from '../../src/tiles/body.js';
import { dataTest } from '../helpers/data-test.js';
import { tempDir } from '../helpers/temp-dir.js';

const raw = (document: Uint8Array): TileBlock => ({
  codec: 'identity',
  bytes: document,
  documentBytes: document.byteLength,
});
const packed = (document: Uint8Array): TileBlock => ({
  codec: 'gzip',
  bytes: gzipSync(document),
  documentBytes: document.byteLength,
});
const ndjson = (documents: readonly Uint8Array[]): Buffer =>
  Buffer.concat(documents.flatMap((document) => [document, Buffer.from('\n')]));
const bytesOf = ({ parts }: TileParts): Buffer => Buffer.concat(parts);

/** A document of a length, of letters that compress like text. */
function documentOf(length: number, salt: number): Buffer {
  const document = Buffer.alloc(length, '{"a":"lorem ipsum dolor sit amet, ');
  for (let at = salt % 97; at < length; at += 97) document.writeUInt8(97 + ((at + salt) % 26), at);
  return document;
}

const lengths = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 2, max: 3000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 20_000, max: 200_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(MAX_MEMBER_BYTES - 2, MAX_MEMBER_BYTES - 1, MAX_MEMBER_BYTES) },
  ),
  { minLength: 1, maxLength: 120 },
);

test('A tile decodes to the documents with line feeds, as a whole and member by member, raw or gzip alike', async (t) => {
  const seed = Date.now() % 2 ** 31;
  t.log(`seed ${seed}`);
  await fc.assert(
    fc.asyncProperty(lengths, fc.nat({ max: 3 }), async (all, kind) => {
      const documents = all.map(documentOf);
      const blocks = documents.map((document, at) => (at % 4 < kind ? packed(document) : raw(document)));
      const body = await encodeTileBody(blocks);
      const bytes = bytesOf(body);
      const whole = ndjson(documents);
      t.is(Buffer.compare(gunzipSync(bytes), whole), 0);
      t.is(Buffer.compare(await decodeTileBytes(bytes, whole.byteLength), whole), 0);
      let block = 0;
      let offset = 0;
      for (const member of body.members) {
        const held = documents.slice(block, block + member.blocks);
        const wanted = ndjson(held);
        t.true(wanted.byteLength <= MAX_MEMBER_BYTES || held.length === 1);
        const piece = bytes.subarray(offset, offset + member.bytes);
        t.is(Buffer.compare(await decodeTileBytes(piece, wanted.byteLength), wanted), 0);
        block += member.blocks;
        offset += member.bytes;
      }
      t.is(block, documents.length);
      t.is(offset, bytes.byteLength);
    }),
    { numRuns: 30, seed },
  );
});

test('The gzip frame of a large block is a slice of its tile, byte for byte', async (t) => {
  const document = documentOf(97_000, 1);
  const large = packed(document);
  const { members, parts } = await encodeTileBody([raw(documentOf(10, 2)), large, packed(documentOf(10, 3))]);
  t.deepEqual(
    members.map(({ blocks }) => blocks),
    [1, 1, 1],
  );
  const frame = largeFrameOf(parts[1] ?? new Uint8Array());
  t.is(Buffer.compare(frame, large.bytes), 0);
  const { parts: own } = await encodeTileBody([raw(document)]);
  t.is(Buffer.compare(gunzipSync(largeFrameOf(own[0] ?? new Uint8Array())), document), 0);
  t.true(isLarge(MAX_MEMBER_BYTES));
  t.false(isLarge(MAX_MEMBER_BYTES - 1));
});

test('zcat and gunzip read a tile, and tiles behind each other', async (t) => {
  const documents = [5, 70_000, 300, 65_535, 65_536, 40].map(documentOf);
  const path = join(tempDir(t), 'tiles.ndjson.gz');
  const tiles = [documents.slice(0, 3), documents.slice(3)];
  const bodies = await Promise.all(tiles.map((each) => encodeTileBody(each.map(raw))));
  writeFileSync(path, Buffer.concat(bodies.map(bytesOf)));
  for (const [program, ...options] of [['zcat'], ['gunzip', '-c']] as const) {
    const read = execFileSync(program, [...options, path], { maxBuffer: 2 ** 24 });
    t.is(Buffer.compare(read, ndjson(documents)), 0, program);
  }
});

test('A tile that is damaged, cut, followed by something, or decodes to another length is refused', async (t) => {
  const documents = [700, 80_000, 900].map(documentOf);
  const bytes = bytesOf(await encodeTileBody(documents.map(raw)));
  const { byteLength } = ndjson(documents);
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(200) ^ 1, 200);
  const damaged = [
    flipped,
    bytes.subarray(0, -1),
    bytes.subarray(0, 500),
    Buffer.concat([bytes, Buffer.from('x')]),
  ];
  for (const bad of damaged) await t.throwsAsync(decodeTileBytes(bad, byteLength), { code: 'CODEC_CORRUPT' });
  await t.throwsAsync(decodeTileBytes(bytes, byteLength + 1), { code: 'CODEC_CORRUPT' });
  await t.throwsAsync(decodeTileBytes(bytes, byteLength - 1), { code: 'CODEC_OUTPUT_TOO_LARGE' });
  await t.throwsAsync(decodeTileBytes(gzipSync('{}'), 2), { code: 'CODEC_CORRUPT' });
  await t.throwsAsync(encodeTileBody([{ ...packed(Buffer.from('{}')), documentBytes: 3 }]), {
    code: 'CODEC_CORRUPT',
  });
});

test('A bomb is stopped at the bytes that were stated', async (t) => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
  await t.throwsAsync(decodeTileBytes(bomb, 4096), { code: 'CODEC_OUTPUT_TOO_LARGE' });
});

dataTest(
  'Real blocks are in a tile as they were',
  'data/ethereum/eth-mainnet-0-8191.ndjson.gz',
  async (t, path) => {
    const text = gunzipSync(readFileSync(path));
    const lines = text
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .slice(0, 1024)
      .map((line) => Buffer.from(line));
    const bytes = bytesOf(await encodeTileBody(lines.map(raw)));
    t.is(Buffer.compare(gunzipSync(bytes), ndjson(lines)), 0);
  },
);
