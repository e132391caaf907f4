import test from 'ava';
import {
  pagePath,
  parsePagePath,
  parseTileFileName,
  tailFileName,
  tileDigest,
  tileFileName,
  tilePath,
} from '../../src/tiles/name.js';

const digest = tileDigest('ab'.repeat(32));

test('The name of a tile has its range in 16 digits and 32 hex digits of the digest of its last hash', (t) => {
  t.is(digest.length, 32);
  t.not(tileDigest('0xab'), tileDigest('ab'));
  const name = tileFileName({ from: 65_536, to: 66_559, digest });
  t.is(name, `0000000000065536-0000000000066559-${digest}.ndjson.gz`);
  t.deepEqual(parseTileFileName(name), { from: 65_536, to: 66_559, digest });
  t.is(tilePath({ from: 65_536, to: 66_559, digest }), `001/${name}`);
});

test('In another codec a tile has the same name, which ends as the files of that codec do', (t) => {
  const name = { from: 65_536, to: 66_559, digest };
  const file = `0000000000065536-0000000000066559-${digest}.ndjson.zst`;
  t.is(tileFileName(name, 'zstd'), file);
  t.is(tilePath(name, 'zstd'), `001/${file}`);
  t.is(tailFileName(name, 'zstd'), `tail-${file}`);
});

test('Every height has one page, whose path is read back', (t) => {
  const paths: Record<string, number> = {
    '000': 0,
    '001': 65_536,
    '999': 999 * 65_536,
    'x001/000': 1000 * 65_536,
    'x001/234': 1234 * 65_536,
    'x001/x234/067': 1_234_067 * 65_536,
  };
  for (const [path, first] of Object.entries(paths)) {
    t.is(pagePath(first), path);
    t.is(pagePath(first + 65_535), path);
    t.is(parsePagePath(path), first);
  }
  t.is(parsePagePath(pagePath(Number.MAX_SAFE_INTEGER)), 2 ** 53 - 65_536);
});

test('A name or a path that is spelled otherwise is none', (t) => {
  const bad = [
    `65536-66559-${digest}.ndjson.gz`,
    `0000000000065536-0000000000066559-${digest.toUpperCase()}.ndjson.gz`,
    `0000000000066559-0000000000065536-${digest}.ndjson.gz`,
    `0000000000000000-9007199254740992-${digest}.ndjson.gz`,
    `0000000000065536-0000000000066559-${digest}.ndjson`,
    `0000000000065536-0000000000066559-${digest}.ndjson.zst`,
    `../0000000000065536-0000000000066559-${digest}.ndjson.gz`,
  ];
  for (const name of bad) t.is(parseTileFileName(name), null, name);
  for (const path of [
    '',
    '1',
    '0000',
    '000/001',
    'x000/001',
    'x001',
    '../000',
    'x001/000/',
    'x999/x999/x999/x999/999',
  ])
    t.is(parsePagePath(path), null, path);
});
