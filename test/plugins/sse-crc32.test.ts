import { crc32 } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { combine, multiply, shiftOf } from '../../plugins/transport-sse/server/crc32.js';

const bytes = fc.uint8Array({ maxLength: 300 });

test('the CRC of pieces, combined one after the other, is that of the whole', (t) => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), (pieces) => {
      let crc = 0;
      for (const piece of pieces) crc = combine(crc, crc32(piece), shiftOf(piece.length));
      t.is(crc, crc32(Buffer.concat(pieces)));
    }),
    { numRuns: 500 },
  );
});

test('a combined CRC is right for pieces of many megabytes', (t) => {
  const first = Buffer.alloc(5_000_001, 'abc');
  const second = Buffer.alloc(17_000_003, '0123456789');
  const whole = crc32(second, crc32(first));
  t.is(combine(crc32(first), crc32(second), shiftOf(second.length)), whole);
});

test('the shift of a length is made of those of its parts, also above 2^32 bytes', (t) => {
  const length = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(
    fc.property(length, length, (a, b) => {
      t.is(shiftOf(a + b), multiply(shiftOf(a), shiftOf(b)));
    }),
  );
});
