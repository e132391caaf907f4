import type { ConformanceCase, Expected } from '../case.js';
import { NO_HEIGHTS, NO_NAMES } from './vectors.js';

const EVENTS = { accept: 'text/event-stream', 'accept-encoding': 'identity' };
const BAD: Readonly<Record<number, Expected>> = { 400: { body: { is: 'problem' } } };
const NAME = 'conformance-{random}';

/** Section 2.2. */
export const STREAM_CASES: readonly ConformanceCase[] = [
  {
    id: 'stream-headers',
    section: '2.2',
    title: 'A stream is text/event-stream that nobody keeps, changes or holds back.',
    when: ['stream'],
    steps: [
      {
        path: '/stream?from_height={head}',
        headers: EVENTS,
        answers: {
          200: {
            headers: {
              'content-type': '^text/event-stream',
              'cache-control': 'no-cache.*no-transform|no-transform.*no-cache|no-store',
              'x-accel-buffering': '^no$',
            },
          },
        },
      },
    ],
  },
  ...['gzip', 'identity', 'zstd'].map((codec): ConformanceCase => ({
    id: `stream-${codec}`,
    section: '2.2',
    title: `Blocks come in order as events in ${codec} with their heights as ids, then complete and the end.`,
    when: [`stream:${codec}`, 'blocks'],
    steps: [
      {
        path: `/stream?from_height={base}&to_height={last}${codec === 'gzip' ? '' : `&codec=${codec}`}`,
        headers: EVENTS,
        answers: {
          200: { body: { is: 'events', codec, from: '{base}', to: '{last}', end: 'complete' } },
        },
      },
    ],
  })),
  {
    id: 'stream-resumes',
    section: '2.2',
    title: 'Last-Event-ID takes precedence over from_height: the stream goes on behind it.',
    when: ['stream', 'blocks'],
    steps: [
      {
        path: '/stream?from_height={base}&to_height={last}',
        headers: { ...EVENTS, 'last-event-id': '{base}' },
        answers: {
          200: { body: { is: 'events', codec: 'gzip', from: '{base+1}', to: '{last}', end: 'complete' } },
        },
      },
    ],
  },
  {
    id: 'stream-finished',
    section: '2.2',
    title: 'A client that has the head and asks again gets 204, which ends its asking.',
    when: ['stream', 'block'],
    steps: [
      {
        path: '/stream?from_height={base}',
        headers: { ...EVENTS, 'last-event-id': '{head}' },
        answers: { 204: { body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'stream-above-head',
    section: '2.2',
    title: 'A stream from above the head is complete with the head, and ends.',
    when: ['stream', 'block'],
    steps: [
      {
        path: '/stream?from_height={head+1000000}',
        headers: EVENTS,
        answers: { 200: { body: { is: 'complete' } } },
      },
    ],
  },
  {
    id: 'stream-below-base',
    section: '2.2',
    title: 'A stream from below the base is 410 BELOW_BASE with the base.',
    when: ['stream', 'above-base'],
    steps: [
      {
        path: '/stream?from_height=0',
        headers: EVENTS,
        answers: { 410: { body: { is: 'problem', codes: ['BELOW_BASE'], has: 'base' } } },
      },
    ],
  },
  {
    id: 'stream-heights',
    section: '1.3',
    title: 'What is no height in a stream is refused with 400.',
    when: ['stream'],
    values: NO_HEIGHTS,
    steps: [{ path: '/stream?from_height={value}', headers: EVENTS, answers: BAD }],
  },
  {
    id: 'stream-codec-unknown',
    section: '2.2',
    title: 'A codec that the server does not have is refused with 400.',
    when: ['stream'],
    steps: [{ path: '/stream?from_height={base}&codec=no-such-codec', headers: EVENTS, answers: BAD }],
  },
  {
    id: 'stream-forked',
    section: '2.2',
    title:
      'A parent that is not on the chain is 409 FORKED with ancestors, newest first, from it down to the base.',
    when: ['stream', 'block'],
    steps: [
      {
        path: '/stream?from_height={head+1}&parent_hash={otherHash}',
        headers: EVENTS,
        answers: {
          409: { body: { is: 'problem', codes: ['FORKED'], has: 'ancestors', below: '{head+1}' } },
        },
      },
    ],
  },
  {
    id: 'stream-follow-begins',
    section: '2.2',
    title: 'A stream that is followed begins with a comment at once.',
    when: ['stream', 'block'],
    steps: [
      {
        path: '/stream?from_height={head+1}&follow=true',
        headers: EVENTS,
        read: { untilLine: ':' },
        answers: { 200: { body: { is: 'comment-first' } } },
      },
    ],
  },
  {
    id: 'stream-follow-complete',
    section: '2.2',
    title: 'A stream that is followed says complete at the head, and stays open.',
    when: ['stream', 'blocks'],
    steps: [
      {
        path: '/stream?from_height={head}&follow=true',
        headers: EVENTS,
        read: { untilLine: 'event: complete' },
        answers: { 200: { body: { is: 'events', codec: 'gzip', from: '{head}', to: '{head}', end: 'any' } } },
      },
    ],
  },
  {
    id: 'stream-heartbeat',
    section: '2.2',
    title: 'A stream that has nothing to send sends a comment within 15 seconds.',
    when: ['stream', 'block'],
    withinMs: 20_000,
    steps: [
      {
        path: '/stream?from_height={head+1}&follow=true',
        headers: EVENTS,
        read: { untilLine: ':', after: 'event: complete' },
        answers: { 200: {} },
      },
    ],
  },
  {
    id: 'stream-names',
    section: '2.2',
    title: 'What is no name of a stream is refused with 400.',
    when: ['stream', 'leases'],
    values: NO_NAMES,
    steps: [{ path: '/stream?from_height={head}&follow=true&client={value}', headers: EVENTS, answers: BAD }],
  },
  {
    id: 'stream-lease',
    section: '2.2',
    title: 'A named stream has a lease, which its client can renew while it is open.',
    when: ['stream', 'leases', 'block'],
    steps: [
      {
        path: `/stream?from_height={head}&follow=true&client=${NAME}`,
        headers: EVENTS,
        read: { untilLine: ':' },
        answers: { 200: { headers: { 'x-stream-lease-ms': '^[1-9][0-9]*$' } } },
      },
      {
        method: 'HEAD',
        path: `/stream?client=${NAME}`,
        answers: { 204: { headers: { 'cache-control': 'no-store' }, body: { is: 'empty' } } },
      },
    ],
  },
  {
    id: 'stream-lease-unknown',
    section: '2.2',
    title: 'A lease of a stream that is not here is 404.',
    when: ['stream', 'leases'],
    steps: [
      {
        method: 'HEAD',
        path: `/stream?from_height={head}&client=${NAME}`,
        answers: { 404: { headers: { 'cache-control': 'no-store' } } },
      },
    ],
  },
];
