import test from 'ava';
import type { TileEntry } from '../../src/contracts/index.js';
import { asTileEntry } from '../../src/internal/http/tile-entry.js';
import { bytesIn, codecFor, entryLine, maxBodyBytes } from '../../src/tiles/entry.js';

const entry: TileEntry = { from: 0, to: 1, hash: 'ab', documentBytes: 1000, bytes: 500, digest: null };
const both: TileEntry = { ...entry, otherBytes: { zstd: 300 } };

test('A line names the length in zstd where there is one, and is read back', (t) => {
  t.is(entryLine(entry), '{"from":0,"to":1,"hash":"ab","documentBytes":1000,"bytes":500}\n');
  t.is(entryLine(both), '{"from":0,"to":1,"hash":"ab","documentBytes":1000,"bytes":500,"zstd":300}\n');
  const digested = { ...both, digest: 'c'.repeat(64) };
  for (const each of [entry, both, digested]) t.deepEqual(asTileEntry(JSON.parse(entryLine(each))), each);
});

test('Members that this version does not know are left out', (t) => {
  const line = { ...entry, digest: undefined, brotli: 12, codecs: ['zstd'] };
  t.deepEqual(asTileEntry(line), entry);
});

test('A length in zstd that no body has is no line', (t) => {
  const most = maxBodyBytes(entry.documentBytes);
  const read = (zstd: unknown): TileEntry | null => asTileEntry({ ...entry, zstd });
  t.is(read(most)?.otherBytes?.['zstd'], most);
  for (const zstd of [0, -1, 1.5, most + 1, '300', null, {}, true])
    t.is(read(zstd), null, JSON.stringify(zstd));
});

test('A tile is asked for in the first codec that both have, and else in gzip', (t) => {
  const order = (of: TileEntry, ...accepted: string[]): string => codecFor(of, accepted);
  t.is(order(both, 'zstd', 'gzip'), 'zstd');
  t.is(order(both, 'identity', 'zstd'), 'zstd');
  t.is(order(both, 'gzip', 'zstd'), 'gzip');
  t.is(order(both, 'bzip2'), 'gzip');
  t.is(order(both), 'gzip');
  t.is(order(entry, 'zstd', 'gzip'), 'gzip');
  t.is(order(both, 'constructor', 'zstd'), 'zstd');
  t.is(bytesIn(both, 'zstd'), 300);
  t.is(bytesIn(both, 'gzip'), 500);
});
