import { gzipSync } from 'node:zlib';
import test from 'ava';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { formatBlockEvent } from '../../plugins/transport-sse/server/format.js';
import { RecentBlocks } from '../../plugins/transport-sse/server/recent-blocks.js';
import { framesOf } from '../../src/chain/linked-tile.js';
import type { Frame, VerifiedTile } from '../../src/contracts/index.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';

const rules = sealedJson().create();
const documents = sealedChain(8);
const headers = documents.map((document) => rules.describe(document));

/** A tile of two pieces that counts how often its body is read. */
function countedTile(): { readonly tile: VerifiedTile; readonly reads: () => number } {
  const pieces = [documents.slice(0, 4), documents.slice(4)].map((part) => gzipSync(ndjson(part)));
  const body = {
    bytes: Buffer.concat(pieces),
    members: pieces.map(({ length }) => ({ blocks: 4, bytes: length, crc: 0 })),
  };
  let reads = 0;
  const tile = {
    headers,
    from: 0,
    to: 7,
    documentLengths: documents.map(({ length }) => length),
    get body() {
      reads += 1;
      return body;
    },
  };
  return { tile: tile as unknown as VerifiedTile, reads: () => reads };
}

const whole: readonly Frame[] = documents.map((bytes, at) => {
  const header = headers[at];
  if (header === undefined) throw new TypeError('Each block has a header.');
  return { header, codec: 'identity', bytes, documentBytes: bytes.length };
});

test('blocks that came in a tile are decoded when the first reader gets to them, and not before', (t) => {
  const { tile, reads } = countedTile();
  const recent = new RecentBlocks((frame) => formatBlockEvent(frame), 1_000_000);
  recent.change({ kind: 'extend', frames: framesOf(tile, { from: 0, to: 7 }) });
  t.is(recent.first, 0);
  t.is(reads(), 0);
  const events = recent.after({ height: -1, hash: null }, 3);
  t.true(reads() > 0);
  const expected = new RecentBlocks((frame) => formatBlockEvent(frame), 1_000_000);
  expected.change({ kind: 'extend', frames: whole });
  t.deepEqual(events, expected.after({ height: -1, hash: null }, 3));
  const before = reads();
  // A second reader gets the same event.
  t.is(recent.after({ height: -1, hash: null }, 3)?.bytes, events?.bytes);
  t.is(reads(), before);
});

test('blocks of a tile count as they will be, so that the oldest go in time', (t) => {
  const { tile, reads } = countedTile();
  const limit = 4_000;
  const [late, now] = [limit, limit].map((bytes) => new RecentBlocks(formatBlockEvent, bytes));
  late?.change({ kind: 'extend', frames: framesOf(tile, { from: 0, to: 7 }) });
  now?.change({ kind: 'extend', frames: whole });
  t.is(late?.bytes, now?.bytes);
  t.is(late?.first, now?.first);
  t.true((late?.first ?? 0) > 0);
  t.is(reads(), 0);
});

test('a raw frame of any other kind is read when it comes, however it has its bytes', (t) => {
  const [document = new Uint8Array(0)] = documents;
  const [first] = headers;
  if (first === undefined) throw new TypeError('Each block has a header.');
  let reads = 0;
  class OtherFrame implements Frame {
    readonly header: Frame['header'];
    readonly codec = 'identity';
    readonly documentBytes = document.length;
    constructor(of: Frame['header']) {
      this.header = of;
    }
    get bytes(): Uint8Array {
      reads += 1;
      return document;
    }
  }
  const recent = new RecentBlocks(formatBlockEvent, 1_000_000);
  recent.change({ kind: 'extend', frames: [new OtherFrame(first)] });
  t.true(reads > 0);
  const before = reads;
  t.not(recent.after({ height: -1, hash: null }, 0), null);
  t.is(reads, before);
});
