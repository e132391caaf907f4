import assert from 'node:assert/strict';
import type { Codec } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import type { ComplianceCase } from './case.js';
import { collect, inPieces, LIMIT } from './codec-samples.js';

const document = Buffer.from('{"hash":"00","height":1,"records":["abcabcabcabc","abcabcabd"]}');
const bombBytes = 64 * 1024 * 1024;

/** Requirements of a codec whose format can tell damage. */
export function codecDamageCases(codec: Codec): ComplianceCase[] {
  return [
    {
      id: 'CO-11',
      title: 'refuses input that is cut off at any byte',
      run: async () => {
        const encoded = codec.encode(document);
        for (let length = 0; length < encoded.length; length++)
          await refused(codec, encoded.subarray(0, length));
      },
    },
    {
      id: 'CO-12',
      title: 'refuses input with any single bit flipped, unless it decodes to the same bytes',
      run: async () => {
        const encoded = codec.encode(document);
        for (let bit = 0; bit < encoded.length * 8; bit++) {
          const damaged = Buffer.from(encoded);
          damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          await sameOrRefused(codec, damaged, bit);
        }
      },
    },
    {
      id: 'CO-13',
      title: 'refuses bytes after the end, zeros too',
      run: async () => {
        const encoded = codec.encode(document);
        for (const tail of [[0], [1], Array.from({ length: 600 }, () => 0), [0x1f, 0x8b]]) {
          await refused(codec, Buffer.concat([encoded, Uint8Array.from(tail)]));
        }
      },
    },
    {
      id: 'CO-14',
      title: 'refuses two members in a row, an empty one too',
      run: async () => {
        const encoded = codec.encode(document);
        const empty = codec.encode(new Uint8Array(0));
        await refused(codec, Buffer.concat([encoded, encoded]));
        await refused(codec, Buffer.concat([empty, encoded]));
        await refused(codec, Buffer.concat([encoded, empty]));
      },
    },
    bombCase(codec),
  ];
}

function bombCase(codec: Codec): ComplianceCase {
  return {
    id: 'CO-15',
    title: 'stops a bomb long before it has expanded',
    run: async () => {
      const bomb = codec.encode(new Uint8Array(bombBytes));
      const limits = { maxOutputBytes: 2 * 1024 * 1024 };
      assert.ok(bomb.length * 200 < bombBytes, 'the codec can not make a bomb, so nothing is tested');
      const tooLarge = (error: unknown): boolean => isSyncError(error, 'CODEC_OUTPUT_TOO_LARGE');
      assert.throws(() => codec.decode(bomb, limits), tooLarge);
      let yielded = 0;
      await assert.rejects(async () => {
        for await (const chunk of codec.decodeStream(inPieces(bomb, 4096), limits)) yielded += chunk.length;
      }, tooLarge);
      assert.ok(yielded <= limits.maxOutputBytes);
    },
  };
}

async function refused(codec: Codec, bytes: Uint8Array): Promise<void> {
  const corrupt = (error: unknown): boolean => isSyncError(error, 'CODEC_CORRUPT');
  assert.throws(() => codec.decode(bytes, LIMIT), corrupt);
  await assert.rejects(collect(codec.decodeStream(inPieces(bytes, 16), LIMIT)), corrupt);
}

async function sameOrRefused(codec: Codec, bytes: Uint8Array, bit: number): Promise<void> {
  for (const decode of [
    () => Promise.resolve(codec.decode(bytes, LIMIT)),
    () => collect(codec.decodeStream(inPieces(bytes, 16), LIMIT)),
  ]) {
    try {
      const decoded = await decode();
      assert.equal(Buffer.compare(decoded, document), 0, `bit ${bit} decodes to other bytes`);
    } catch (error) {
      if (!isSyncError(error, 'CODEC_CORRUPT') && !isSyncError(error, 'CODEC_OUTPUT_TOO_LARGE')) throw error;
    }
  }
}
