import type { ConformanceCase } from '../case.js';

const PLAIN = { 'accept-encoding': 'identity' };
const BYTES = { 'content-type': '^application/octet-stream', 'accept-ranges': '^bytes$', etag: '^"[^"]+"$' };

/** Sections 2.4 and 2.5. */
export const SNAPSHOT_CASES: readonly ConformanceCase[] = [
  {
    id: 'snapshot-head',
    section: '2.4',
    title: 'A snapshot says what it is of, who signed it, and that parts of it can be had.',
    when: ['snapshot'],
    steps: [
      {
        method: 'HEAD',
        path: '/snapshot/{snapshot}',
        headers: PLAIN,
        answers: {
          200: {
            headers: {
              ...BYTES,
              'content-disposition': '^attachment; *filename="?snapshot\\.',
              'x-snapshot-height': '^{snapshotHeight}$',
              'x-snapshot-hash': '^[0-9a-f]{64}$',
              'x-snapshot-signer': '^0[23][0-9a-f]{64}$',
              'x-snapshot-signature': '^[0-9a-f]{128}$',
              'cache-control': 'immutable|no-store',
            },
            body: { is: 'empty' },
          },
        },
      },
    ],
  },
  {
    id: 'snapshot-newest',
    section: '2.4',
    title: 'The newest snapshot of a type is there under its type.',
    when: ['snapshot'],
    steps: [
      {
        method: 'HEAD',
        path: '/snapshot?type={snapshotType}',
        headers: PLAIN,
        answers: { 200: { headers: BYTES, body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'snapshot-manifest',
    section: '2.5',
    title: 'A manifest has parts without a gap, their root, and signatures of it that are right.',
    when: ['snapshot'],
    steps: [
      {
        path: '/snapshot/{snapshot}/manifest',
        headers: PLAIN,
        answers: { 200: { headers: { 'content-type': '^application/json' }, body: { is: 'manifest' } } },
      },
    ],
  },
  {
    id: 'snapshot-part',
    section: '2.5',
    title: 'A part that is fetched by its place has the hash that the manifest names.',
    when: ['snapshot', 'manifest'],
    steps: [
      { path: '/snapshot/{snapshot}/manifest', headers: PLAIN, answers: { 200: {} } },
      {
        path: '/snapshot/{snapshot}',
        headers: { ...PLAIN, range: 'bytes=0-{firstPart}' },
        answers: {
          206: {
            headers: { 'content-range': '^bytes 0-{firstPart}/[0-9]+$' },
            body: { is: 'snapshot-part' },
          },
        },
      },
    ],
  },
  {
    id: 'snapshot-if-range',
    section: '2.4',
    title: 'A part of another body than the one that is there is answered with the whole.',
    when: ['snapshot'],
    steps: [
      {
        path: '/snapshot/{snapshot}',
        headers: { ...PLAIN, range: 'bytes=2-9', 'if-range': '"not-this-body"' },
        read: { bytes: 8 },
        answers: { 200: { headers: { 'content-range': null } } },
      },
    ],
  },
  {
    id: 'snapshot-range-beyond',
    section: '2.4',
    title: 'A part beyond the end is 416 with the length.',
    when: ['snapshot'],
    steps: [
      {
        path: '/snapshot/{snapshot}',
        headers: { ...PLAIN, range: 'bytes=9007199254740000-' },
        answers: { 416: { headers: { 'content-range': '^bytes \\*/[0-9]+$' } } },
      },
    ],
  },
  {
    id: 'snapshot-unchanged',
    section: '2.4',
    title: 'A snapshot is 304 to whoever has its ETag.',
    when: ['snapshot'],
    steps: [
      { method: 'HEAD', path: '/snapshot/{snapshot}', headers: PLAIN, answers: { 200: { headers: BYTES } } },
      {
        path: '/snapshot/{snapshot}',
        headers: { ...PLAIN, 'if-none-match': '{1.etag}' },
        answers: { 304: { body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'snapshot-type-unknown',
    section: '2.4',
    title: 'A type that there is not is refused with a problem document.',
    when: ['snapshot'],
    steps: [
      {
        path: '/snapshot?type=no-such-type',
        answers: { 400: { body: { is: 'problem' } }, 404: { body: { is: 'problem' } } },
      },
    ],
  },
  {
    id: 'snapshot-unknown',
    section: '2.4',
    title: 'A snapshot that there is not is 404 with a problem document.',
    when: ['snapshot'],
    steps: [
      {
        path: '/snapshot/recent-0-00000000000000000000000000000000',
        answers: { 404: { body: { is: 'problem' } } },
      },
    ],
  },
];
