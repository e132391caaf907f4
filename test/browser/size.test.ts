import { gzipSync } from 'node:zlib';
import test from 'ava';
import { bundled } from './bundle.js';

/** Bytes in gzip: more makes a page slower to start than it is worth. */
const MOST_BYTES = 90_000;

test('the client for browsers needs nothing of Node, and is not larger than its document says', async (t) => {
  const text = await bundled("export * from 'blockferry/browser';", { isWhole: false });
  t.notRegex(text, /\bBuffer\b|\bprocess\.|["']node:|\bsetImmediate\b/);
  const { byteLength } = gzipSync(text, { level: 9 });
  t.log(`${byteLength} bytes in gzip`);
  t.true(byteLength <= MOST_BYTES, `${byteLength} bytes`);
});
