import type { ConformanceCase, Expected } from '../case.js';
import { NO_HEIGHTS, NO_WAITS } from './vectors.js';

const PLAIN = { 'accept-encoding': 'identity' };
const LINES = { ...PLAIN, accept: 'application/x-ndjson' };
const JSON_TYPE = { 'content-type': '^application/json' };
const BAD: Readonly<Record<number, Expected>> = { 400: { body: { is: 'problem' } } };
const FORKED: Readonly<Record<number, Expected>> = {
  409: { body: { is: 'problem', codes: ['FORKED'], has: 'ancestors', below: '{head+1}' } },
};

/** Section 2.3: ranges as arrays and lines. */
export const JSON_CASES: readonly ConformanceCase[] = [
  {
    id: 'json-inclusive',
    section: '2.3',
    title: 'A range is an array of the documents of A to B, both included, byte for byte.',
    when: ['json', 'blocks'],
    steps: [
      {
        path: '/json?from={base}&to={last}',
        headers: PLAIN,
        answers: {
          200: {
            headers: { ...JSON_TYPE, 'content-encoding': null },
            body: { is: 'documents', as: 'array', from: '{base}', to: '{last}' },
          },
        },
      },
    ],
  },
  {
    id: 'json-one',
    section: '2.3',
    title: 'A range of one height has one document.',
    when: ['json', 'blocks'],
    steps: [
      {
        path: '/json?from={base+1}&to={base+1}',
        headers: PLAIN,
        answers: { 200: { body: { is: 'documents', as: 'array', from: '{base+1}', to: '{base+1}' } } },
      },
    ],
  },
  {
    id: 'json-lines',
    section: '2.3',
    title: 'With Accept: application/x-ndjson a range is one document a line.',
    when: ['json', 'blocks'],
    steps: [
      {
        path: '/json?from={base}&to={base+1}',
        headers: LINES,
        answers: {
          200: {
            headers: { 'content-type': '^application/x-ndjson' },
            body: { is: 'documents', as: 'lines', from: '{base}', to: '{base+1}' },
          },
        },
      },
    ],
  },
  {
    id: 'json-cut-at-head',
    section: '2.3',
    title: 'An end beyond the head is cut to the head.',
    when: ['json', 'block'],
    steps: [
      {
        path: '/json?from={head}&to={head+9}',
        headers: PLAIN,
        answers: { 200: { body: { is: 'documents', as: 'array', from: '{head}', to: '{head}' } } },
      },
    ],
  },
  {
    id: 'json-beyond-head',
    section: '2.3',
    title: 'A range beyond the head is an empty array.',
    when: ['json'],
    steps: [
      {
        path: '/json?from={head+1000000}&to={head+1000009}',
        headers: PLAIN,
        answers: { 200: { headers: JSON_TYPE, body: { is: 'no-documents' } } },
      },
    ],
  },
  {
    id: 'json-backwards',
    section: '2.3',
    title: 'A range whose beginning is above its end is refused with 400.',
    when: ['json'],
    steps: [{ path: '/json?from={base+2}&to={base+1}', answers: BAD }],
  },
  {
    id: 'json-heights',
    section: '1.3',
    title: 'What is no height in a range is refused with 400.',
    when: ['json'],
    values: NO_HEIGHTS,
    steps: [{ path: '/json?from={value}&to={last}', answers: BAD }],
  },
  {
    id: 'json-too-large',
    section: '2.3',
    title: 'A range of more than maxRange blocks is refused with RANGE_TOO_LARGE.',
    when: ['json', 'max-range'],
    steps: [
      {
        path: '/json?from={base}&to={base+maxRange}',
        answers: { 400: { body: { is: 'problem', codes: ['RANGE_TOO_LARGE'] } } },
      },
    ],
  },
  {
    id: 'json-etag',
    section: '2.3',
    title: 'A range has a strong ETag, and is 304 to whoever has that.',
    when: ['json', 'blocks'],
    steps: [
      {
        path: '/json?from={base}&to={base+1}',
        headers: PLAIN,
        answers: { 200: { headers: { etag: '^"[^"]+"$' } } },
      },
      {
        path: '/json?from={base}&to={base+1}',
        headers: { ...PLAIN, 'if-none-match': '{1.etag}' },
        answers: { 304: { body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'json-head',
    section: '2.3',
    title: 'HEAD of a range has the head of a GET, and no body.',
    when: ['json', 'blocks'],
    steps: [
      {
        method: 'HEAD',
        path: '/json?from={base}&to={base}',
        headers: PLAIN,
        answers: { 200: { headers: { ...JSON_TYPE, etag: '^"[^"]+"$' }, body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'json-gzip',
    section: '2.3',
    title: 'A range is sent in gzip to whoever accepts that, and says what it varies by.',
    when: ['json:gzip', 'blocks'],
    steps: [
      {
        path: '/json?from={base}&to={last}',
        headers: { 'accept-encoding': 'gzip' },
        answers: {
          200: {
            headers: { 'content-encoding': '^gzip$', vary: 'accept-encoding' },
            body: { is: 'documents', as: 'array', from: '{base}', to: '{last}' },
          },
        },
      },
    ],
  },
  {
    id: 'json-zstd',
    section: '2.3',
    title: 'A range is sent in zstd to whoever accepts nothing else.',
    when: ['json:zstd', 'blocks'],
    steps: [
      {
        method: 'HEAD',
        path: '/json?from={base}&to={last}',
        headers: { 'accept-encoding': 'zstd' },
        answers: { 200: { headers: { 'content-encoding': '^zstd$', vary: 'accept-encoding' } } },
      },
    ],
  },
  {
    id: 'json-final-kept',
    section: '2.3',
    title:
      'A range in finalized history may be kept for good, unless the operator lets nobody keep anything.',
    when: ['json', 'blocks', 'final'],
    steps: [
      {
        path: '/json?from={base}&to={last}',
        headers: PLAIN,
        answers: { 200: { headers: { 'cache-control': 'max-age=31536000, immutable|no-store' } } },
      },
    ],
  },
  {
    id: 'json-live-not-kept',
    section: '2.3',
    title: 'A range that is not finalized is asked for again each time.',
    when: ['json', 'live'],
    steps: [
      {
        path: '/json?from={head}&to={head}',
        headers: PLAIN,
        answers: { 200: { headers: { 'cache-control': '^(?!.*immutable).*(no-cache|no-store)' } } },
      },
    ],
  },
  {
    id: 'json-forked',
    section: '2.3',
    title:
      'A parent that is not on the chain is 409 FORKED with ancestors, newest first, from it down to the base.',
    when: ['json', 'block'],
    steps: [{ path: '/json?from={head+1}&to={head+1}&parent_hash={otherHash}', answers: FORKED }],
  },
  {
    id: 'json-parent',
    section: '2.3',
    title: 'A client that has the head gets an empty range.',
    when: ['json', 'block'],
    steps: [
      {
        path: '/json?from={head+1}&to={head+1}&parent_hash={headHash}',
        headers: PLAIN,
        answers: { 200: { headers: JSON_TYPE } },
      },
    ],
  },
];

/** Section 2.3 and 2.3.1: frames, and waiting for a block. */
export const FRAME_CASES: readonly ConformanceCase[] = [
  ...['gzip', 'identity', 'zstd'].map((codec): ConformanceCase => ({
    id: `frames-${codec}`,
    section: '2.3',
    title: `Frames of ${codec} follow their lengths, and decode to the documents.`,
    when: [`frames:${codec}`, 'blocks'],
    steps: [
      {
        path: `/json?from={base}&to={last}&frames=${codec}`,
        headers: PLAIN,
        answers: {
          200: {
            headers: { 'content-type': `^application/x-blockferry-frames; *codec=${codec}$` },
            body: { is: 'frames', codec, from: '{base}', to: '{last}' },
          },
        },
      },
    ],
  })),
  {
    id: 'frames-unknown',
    section: '2.3',
    title: 'Frames of a codec that the server does not have are refused with CODEC_UNAVAILABLE.',
    when: ['frames', 'blocks'],
    steps: [
      {
        path: '/json?from={base}&to={base}&frames=no-such-codec',
        answers: { 400: { body: { is: 'problem', codes: ['CODEC_UNAVAILABLE'] } } },
      },
    ],
  },
  {
    id: 'wait-here',
    section: '2.3.1',
    title: 'A block that is there is sent at once to whoever would wait for it, and kept by nobody.',
    when: ['json', 'waits', 'block'],
    withinMs: 5_000,
    steps: [
      {
        path: '/json?from={head}&wait=20',
        headers: PLAIN,
        answers: {
          200: {
            headers: { 'cache-control': 'no-store' },
            body: { is: 'documents', as: 'array', from: '{head}', to: '{head}' },
          },
        },
      },
    ],
  },
  {
    id: 'wait-over',
    section: '2.3.1',
    title: 'When the wait is over and there is no block, the answer is 200 and empty, kept by nobody.',
    when: ['json', 'waits'],
    steps: [
      {
        path: '/json?from={head+1000000}&wait=1',
        headers: PLAIN,
        answers: {
          200: {
            headers: { 'cache-control': 'no-store(.*no-transform)?|no-transform.*no-store' },
            body: { is: 'no-documents' },
          },
        },
      },
    ],
  },
  {
    id: 'wait-seconds',
    section: '2.3.1',
    title: 'What is no number of seconds to wait is refused with 400.',
    when: ['json', 'waits'],
    values: NO_WAITS,
    steps: [{ path: '/json?from={base}&wait={value}', answers: BAD }],
  },
];
