import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bzip2 } from '../../plugins/codec-bzip2/index.js';
import { collect, inPieces } from '../../src/testing/compliance/codec-samples.js';
import { dataTest } from '../helpers/data-test.js';
import { outcomes } from './codec-bzip2-support.js';

const codec = bzip2().create();
const limits = { maxOutputBytes: 4 * 1024 * 1024 };
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const referenced = [
  ['bzip2-samples/sample1.bz2', '.ref'],
  ['bzip2-samples/sample2.bz2', '.ref'],
  ['bzip2-samples/sample3.bz2', '.ref'],
  ['go-compress/bzip2/pass-random1.bz2', '.bin'],
  ['go-compress/bzip2/pass-random2.bz2', '.bin'],
] as const;
for (const [name, extension] of referenced) {
  dataTest(`bzip2 decodes ${name}`, `vectors/${name}`, async (t, file) => {
    const expected = readFileSync(file.replace(/\.bz2$/, extension));
    const encoded = readFileSync(file);
    t.is(Buffer.compare(codec.decode(encoded, limits), expected), 0);
    const streamed = await collect(codec.decodeStream(inPieces(encoded, 500), limits));
    t.is(Buffer.compare(streamed, expected), 0);
  });
}

/** SHA-256 of what the bzip2 program makes of them. */
const hashed = {
  'Isaac.Newton-Opticks.txt': 'd4a9ac22462b35e7821a4f2706c211093da678620a8f9997989ee7cf8d507bbd',
  'e.txt': 'b2fdec07c4f495548588e2c178bb9d1dbdb76ba8190ea633dc96722cac77cb2c',
  'pass-sawtooth': 'fbbab289f7f94b25736c58be46a994c441fd02552cc6022352e3d86d2fab7c83',
  'random.data': 'a832364876d5f66bb4f35fe9c4e64d2fae05cad3a4e21c7a73dd8cc22aee8447',
};
for (const [name, hash] of Object.entries(hashed)) {
  dataTest(`bzip2 decodes ${name}.bz2`, `vectors/go-compress/bzip2/${name}.bz2`, async (t, file) => {
    const encoded = readFileSync(file);
    t.is(sha256(codec.decode(encoded, limits)), hash);
    t.is(sha256(await collect(codec.decodeStream(inPieces(encoded, 777), limits))), hash);
    t.deepEqual(await outcomes(codec, encoded.subarray(0, -1)), ['CODEC_CORRUPT']);
    t.deepEqual(await outcomes(codec, Buffer.concat([encoded, Uint8Array.of(0)])), ['CODEC_CORRUPT']);
  });
}

dataTest(
  'bzip2 refuses the damaged file of Go issue 5747',
  'vectors/go-compress/bzip2/fail-issue5747.bz2',
  async (t, file) => {
    t.deepEqual(await outcomes(codec, readFileSync(file)), ['CODEC_CORRUPT']);
  },
);
