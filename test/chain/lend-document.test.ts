import test from 'ava';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { lendDocument } from '../../src/chain/lend-document.js';
import type { Codec, Frame, WireFrame } from '../../src/contracts/index.js';
import { fixtureFrames } from '../../src/testing/fixture-frames.js';

const BYTES = 1024 * 1024;
const CODEC = gzip({ level: 1 }).create();
const [made] = fixtureFrames(1) as [Frame];

function sentIn(codec: Codec): WireFrame {
  return { kind: 'frame', height: 0, codec: codec.id, bytes: codec.encode(new Uint8Array(BYTES).fill(7)) };
}

/** Lends a document, and returns it as it is afterwards: without bytes when its memory was freed. */
function lent(codec: Codec, item: WireFrame, use: (document: Uint8Array) => Frame | null): Uint8Array {
  const documents: Uint8Array[] = [];
  lendDocument(codec, item, BYTES, (document) => {
    documents.push(document);
    return use(document);
  });
  const [document] = documents as [Uint8Array];
  return document;
}

test('the memory of a document is freed when nothing else is in it', (t) => {
  const item = sentIn(CODEC);
  const before = Uint8Array.from(item.bytes);
  t.is(lent(CODEC, item, () => null).byteLength, 0);
  t.is(lent(CODEC, item, () => made).byteLength, 0);
  t.is(Buffer.compare(item.bytes, before), 0);
});

test('a document that is stored as it is keeps its memory', (t) => {
  const document = lent(CODEC, sentIn(CODEC), (bytes) => ({ ...made, bytes: bytes.subarray(1) }));
  t.is(document.byteLength, BYTES);
});

test('a document that is a view of what came keeps its memory', (t) => {
  const codec = identity().create();
  const item = sentIn(codec);
  t.is(lent(codec, item, () => made).byteLength, BYTES);
  t.is(item.bytes.byteLength, BYTES);
});

test('what `use` throws comes out as it is, and so does what it made', (t) => {
  const error = new Error('no');
  t.is(
    t.throws(() =>
      lendDocument(CODEC, sentIn(CODEC), BYTES, () => {
        throw error;
      }),
    ),
    error,
  );
  t.is(
    lendDocument(CODEC, sentIn(CODEC), BYTES, () => made),
    made,
  );
});
