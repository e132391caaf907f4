import type { ConformanceCase } from '../case.js';

const PLAIN = { 'accept-encoding': 'identity' };
const KEPT = 'max-age=31536000, immutable|no-store';
/** Of a plain web server with a folder of files, which says less. */
const TYPE = '^application/(gzip|x-gzip|octet-stream)';

/** Section 2.6. A folder of files behind any web server has to do as well, which knows nothing of caching and ETags. */
export const TILE_CASES: readonly ConformanceCase[] = [
  {
    id: 'tiles-index',
    section: '2.6',
    title: 'An index has a line for each tile of its page, which are cut by the rule and follow each other.',
    when: ['tile'],
    steps: [
      { path: '/tiles/{page}/index.ndjson', headers: PLAIN, answers: { 200: { body: { is: 'index' } } } },
    ],
  },
  {
    id: 'tiles-index-unchanged',
    section: '2.6',
    title: 'An index has an ETag, and is 304 to whoever has that.',
    when: ['tile', 'service'],
    steps: [
      {
        method: 'HEAD',
        path: '/tiles/{page}/index.ndjson',
        headers: PLAIN,
        answers: { 200: { headers: { etag: '.' }, body: { is: 'empty' } } },
      },
      {
        path: '/tiles/{page}/index.ndjson',
        headers: { ...PLAIN, 'if-none-match': '{1.etag}' },
        answers: { 304: { body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'tile-body',
    section: '2.6',
    title:
      'A tile is the gzip of its documents as lines: as many bytes as its line says, and the last block’s hash.',
    when: ['tile', 'tile-line'],
    steps: [
      {
        path: '/tiles/{tile}',
        headers: PLAIN,
        answers: {
          200: {
            headers: { 'content-type': TYPE, 'content-encoding': null },
            body: { is: 'tile', codec: 'gzip' },
          },
        },
      },
    ],
  },
  {
    id: 'tile-zstd',
    section: '2.6',
    title: 'A tile whose line has a length in zstd is there as one frame of zstd with the same documents.',
    when: ['tile', 'tile-line', 'tile-zstd'],
    steps: [
      {
        path: '/tiles/{tileZstd}',
        headers: PLAIN,
        answers: { 200: { headers: { 'content-encoding': null }, body: { is: 'tile', codec: 'zstd' } } },
      },
    ],
  },
  {
    id: 'tile-kept',
    section: '2.6',
    title: 'A tile may be kept for good and is not transformed.',
    when: ['tile', 'tile-line', 'service'],
    steps: [
      {
        method: 'HEAD',
        path: '/tiles/{tile}',
        headers: PLAIN,
        answers: { 200: { headers: { 'cache-control': KEPT, etag: '^"[^"]+"$' }, body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'tile-range',
    section: '2.6',
    title: 'A part of a tile is 206 with its place, also under If-Range with the ETag.',
    when: ['tile', 'tile-line', 'service'],
    steps: [
      { path: '/tiles/{tile}', headers: PLAIN, answers: { 200: { headers: { etag: '.' } } } },
      {
        path: '/tiles/{tile}',
        headers: { ...PLAIN, range: 'bytes=2-9', 'if-range': '{1.etag}' },
        answers: {
          206: {
            headers: { 'content-range': '^bytes 2-9/[0-9]+$' },
            body: { is: 'part', of: 1, from: 2, to: 9 },
          },
        },
      },
    ],
  },
  {
    id: 'tile-if-range',
    section: '2.6',
    title: 'A part of another body than the one that is there is answered with the whole.',
    when: ['tile', 'tile-line'],
    steps: [
      {
        path: '/tiles/{tile}',
        headers: { ...PLAIN, range: 'bytes=2-9', 'if-range': '"not-this-body"' },
        answers: { 200: { body: { is: 'tile', codec: 'gzip' } } },
      },
    ],
  },
  {
    id: 'tile-unknown',
    section: '2.6',
    title: 'A tile of another name is 404, and that is kept by nobody.',
    when: ['tile', 'tile-line', 'service'],
    steps: [
      {
        path: '/tiles/{otherTile}',
        headers: PLAIN,
        answers: { 404: { headers: { 'cache-control': 'no-store' } } },
      },
    ],
  },
];
