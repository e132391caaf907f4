import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import fc from 'fast-check';
import { fetchParts } from '../../plugins/transport-snapshot/client/fetch-parts.js';
import { SnapshotPlaces } from '../../plugins/transport-snapshot/client/places.js';
import type { HttpFetch, SnapshotPart } from '../../src/contracts/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { bodyPathOf, fileNumberOf, fileOf, filesOf } from '../../src/internal/snapshot-files.js';
import { tempDir } from '../helpers/temp-dir.js';
import { testLimits } from './snapshot-client-support.js';

const MIB = 1024 * 1024;
const { signal } = new AbortController();

/** Parts of these lengths, one behind the other. */
function partsOf(lengths: readonly number[], body: Uint8Array | null = null): readonly SnapshotPart[] {
  let offset = 0;
  return lengths.map((length) => {
    const own = body?.subarray(offset, offset + length) ?? Buffer.alloc(0);
    const sha256 = createHash('sha256').update(own).digest('hex');
    const part = { offset, length, rawLength: length, sha256 };
    offset += length;
    return part;
  });
}

test('each part is in one file, whole and in order, and no file but one of a single part has more than 8 MiB and a part', (t) => {
  const lengths = fc.array(fc.integer({ min: 1, max: 17 * MIB }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(lengths, (given) => {
      const parts = partsOf(given);
      const files = [...filesOf(parts)];
      t.deepEqual(
        files.flatMap((file) => file.parts),
        parts,
      );
      for (const { number, offset, bytes, parts: own } of files) {
        t.true(own.every((part) => fileNumberOf(part) === number));
        t.is(own[0]?.offset, offset);
        t.is(
          own.reduce((sum, { length }) => sum + length, 0),
          bytes,
        );
        t.true(bytes - (own.at(-1)?.length ?? 0) < 8 * MIB);
        t.deepEqual(fileOf(parts, number), { number, offset, bytes, parts: own });
      }
    }),
  );
});

test('a run of parts comes out of as many files as it lies in, by ranges of each', async (t) => {
  const body = randomBytes(20 * MIB);
  const parts = partsOf([3 * MIB, 3 * MIB, 3 * MIB, 3 * MIB, 4 * MIB, 4 * MIB], body);
  const manifest = { id: 'recent-9-00', size: body.length, parts };
  const dir = tempDir(t);
  for (const { number, offset, bytes } of filesOf(parts)) {
    const path = join(dir, bodyPathOf(manifest.id, number));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, body.subarray(offset, offset + bytes));
  }
  const client = createHttp1Client(testLimits);
  t.teardown(() => client.close());
  const asked: string[] = [];
  const counted: HttpFetch = (url, init) => {
    asked.push(`${url.pathname.split('/').at(-1) ?? ''} ${init.headers['range'] ?? ''}`);
    return client.fetch(url, init);
  };
  const peer = { url: pathToFileURL(dir).href, headers: {} };
  const got: Uint8Array[] = [];
  const places = new SnapshotPlaces();
  const request = { peer, manifest, parts: parts.slice(1, 5) };
  for await (const part of fetchParts({ fetch: counted, limits: testLimits }, places, request, signal))
    got.push(part);
  t.true(Buffer.concat(got).equals(body.subarray(3 * MIB, 16 * MIB)));
  t.deepEqual(asked, [
    `recent-9-00 bytes=${3 * MIB}-${16 * MIB - 1}`,
    `00000000.part bytes=${3 * MIB}-${9 * MIB - 1}`,
    `00000001.part bytes=0-${7 * MIB - 1}`,
  ]);
  t.is(places.of(peer), 'files');
});
