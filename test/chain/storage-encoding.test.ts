import test from 'ava';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { StorageEncoding } from '../../src/chain/storage-encoding.js';

const codec = gzip().create();
const document = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0x61);

test('a document is kept raw below the bound, and encoded from it on', (t) => {
  const encoding = new StorageEncoding(codec, 100);
  t.is(encoding.codec, 'gzip');
  t.true(encoding.keepsRaw(99));
  t.false(encoding.keepsRaw(100));
  const small = document(99);
  t.deepEqual(encoding.encode(small, null), { codec: 'identity', bytes: small });
  t.is(encoding.encode(small, null).bytes, small);
  const large = encoding.encode(document(100), null);
  t.is(large.codec, 'gzip');
  t.deepEqual(Buffer.from(codec.decode(large.bytes, { maxOutputBytes: 100 })), Buffer.from(document(100)));
});

test('what came encoded stays as it came, whatever its size; what came raw is like what was submitted', (t) => {
  const encoding = new StorageEncoding(codec, 100);
  const came = { codec: 'bzip2', bytes: document(5) };
  t.deepEqual(encoding.encode(document(10), came), came);
  t.deepEqual(StorageEncoding.raw.encode(document(10), came), came);
  const raw = { codec: 'identity', bytes: document(200) };
  t.is(encoding.encode(raw.bytes, raw).codec, 'gzip');
});

test('without a codec, or with identity, everything is kept raw', (t) => {
  for (const encoding of [StorageEncoding.raw, new StorageEncoding(identity().create(), 0)]) {
    t.is(encoding.codec, 'identity');
    t.true(encoding.keepsRaw(1_000_000));
    const bytes = document(1000);
    t.is(encoding.encode(bytes, null).bytes, bytes);
  }
});
