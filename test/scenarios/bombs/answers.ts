import { createHash, randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { bzip2 } from '../../../plugins/codec-bzip2/index.js';
import { SEALED_JSON_GENESIS } from '../../../plugins/chain-sealed-json/index.js';
import { FRAMES_TYPE } from '../../../plugins/transport-json-range/frame-splitter.js';
import { BOMBS, largeManifest, MANIFEST, STATUS, withBomb } from '../../helpers/json-bombs.js';
import { sealedChain } from '../../helpers/sealed-chain.js';
import { makeSnapshot } from '../../plugins/snapshot-client-support.js';
import { type Body, repeated } from './bodies.js';
import { FRAME, frame } from './http2-frames.js';

/** What a client asks for. */
export type Asked =
  | 'status'
  | 'status by HTTP/2'
  | 'stream'
  | 'follow'
  | 'ranges'
  | 'manifest'
  | 'manifest of strangers'
  | 'parts';

/** What a peer answers with. */
export interface Answer {
  readonly asked: Asked;
  /** Codec of the blocks. Default: `identity`. */
  readonly codec?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent gzip'ed, unless the headers name an encoding, `identity` for none. */
  readonly body: () => Body;
  /** Whether the body is all that the connection sees: also what stands for the head. */
  readonly isRaw?: boolean;
  /** Other paths than the one that is asked for. */
  readonly beside?: () => Readonly<Record<string, string>>;
  /** Whether a block above 4 MiB is in it. */
  readonly hasLargeBlock?: boolean;
}

/** A kind of answer: a valid one, and bombs. */
export interface AnswerKind {
  readonly valid: Answer;
  readonly bombs: Readonly<Record<string, Answer>>;
}

const MIB = 1024 * 1024;
const BOMB_BYTES = 32 * MIB;
/** What no answer of a peer may have. */
const ENDLESS_BYTES = 256 * MIB;
const LARGEST_BLOCK_BYTES = 60 * MIB;
const CHAIN = sealedChain(2_000);

const EVENTS = { 'content-type': 'text/event-stream' };
const JSON_ARRAY = { 'content-type': 'application/json' };
const LINES = { 'content-type': 'application/x-ndjson' };
const FRAMES = { 'content-type': `${FRAMES_TYPE}; codec=gzip` };
const PLAIN = { 'content-encoding': 'identity' };

const whole = (make: () => string | Uint8Array): (() => Body) => {
  return () => ({ start: make() });
};
const endless = (start: string, piece: string, bytes = ENDLESS_BYTES, end?: string): (() => Body) => {
  return () => ({ start, ...repeated(piece, bytes), ...(end === undefined ? {} : { end }) });
};
const withBombs = (make: (bomb: () => string) => Answer): Readonly<Record<string, Answer>> =>
  Object.fromEntries(Object.entries(BOMBS).map(([name, bomb]) => [name, make(() => bomb(BOMB_BYTES))]));

const event = (type: string, data: string | Uint8Array, id = ''): Buffer =>
  Buffer.concat([Buffer.from(`event: ${type}\n${id}data: `), Buffer.from(data), Buffer.from('\n\n')]);
const blockEvent = (height: number, data: string | Uint8Array): Buffer =>
  event('block', data, `id: ${height}\n`);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A first block with a payload that may be anything; what is no JSON can't be sealed. */
function block(payload: string): Uint8Array {
  const start = `"height":0,"previousHash":"${SEALED_JSON_GENESIS}",${payload.slice(1)}`;
  const hash = createHash('sha256').update(`{${start}`).digest('hex');
  return Buffer.from(`{"hash":"${hash}",${start}`);
}

const textBlock = (bytes: number): Uint8Array => block(JSON.stringify({ text: 'x'.repeat(bytes) }));
const randomBlock = (bytes: number): Uint8Array =>
  block(JSON.stringify({ text: randomBytes((bytes * 3) / 4).toString('base64') }));
/** What decodes to so many bytes and is no block. */
const zeros = (bytes: number): Buffer => gzipSync(Buffer.alloc(bytes), { level: 9 });

const complete = event('complete', '{"height":null,"hash":null}');
const chainEvents = (between = ''): string =>
  CHAIN.map((document, height) => `${blockEvent(height, document).toString()}${between}`).join('');

const status = (head: object | null, frames: readonly string[] = []): string =>
  JSON.stringify({
    ...STATUS,
    head,
    codecs: { stream: ['identity', 'gzip'], json: [], snapshot: [], frames },
  });
const FAR = { height: 1_000_000, hash: 'f'.repeat(64) };
const farStatus =
  (frames: readonly string[] = []) =>
  () => ({ '/status': status(FAR, frames) });

const statusOf = (body: () => Body, more: Partial<Answer> = {}): Answer => ({
  ...{ asked: 'status', headers: JSON_ARRAY, body, ...more },
});
const stream = (body: () => Body, more: Partial<Answer> = {}): Answer => ({
  ...{ asked: 'stream', headers: EVENTS, body, ...more },
});
const ranges = (body: () => Body, more: Partial<Answer> = {}): Answer => ({
  ...{ asked: 'ranges', headers: JSON_ARRAY, body, beside: farStatus(), ...more },
});
const frames = (body: () => Body, more: Partial<Answer> = {}): Answer =>
  ranges(body, { codec: 'gzip', headers: { ...FRAMES, ...PLAIN }, beside: farStatus(['gzip']), ...more });
const framed = (bytes: Uint8Array, length = bytes.length): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([head, bytes]);
};
const large = (answer: Answer): Answer => ({ ...answer, hasLargeBlock: true });

function controlBombs(): Readonly<Record<string, Answer>> {
  const made: Record<string, Answer> = {};
  for (const type of ['complete', 'error', 'rollback'])
    for (const [name, bomb] of Object.entries(BOMBS)) {
      if (type !== 'complete' && name !== 'nested arrays' && name !== 'a long string') continue;
      const asked = type === 'rollback' ? 'follow' : 'stream';
      made[`${type}: ${name}`] = stream(() => ({ start: event(type, `{"note":${bomb(BOMB_BYTES)}}`) }), {
        asked,
      });
    }
  return made;
}

const snapshot = makeSnapshot({ blocks: CHAIN.map((each) => Buffer.from(each)), partBytes: 100_000 });
const partsOf = (body: () => Body, more: Partial<Answer> = {}, manifest = snapshot.manifest): Answer => ({
  ...{ asked: 'parts', status: 206, headers: PLAIN, body },
  beside: () => ({ '/snapshot/manifest': JSON.stringify(manifest) }),
  ...more,
});
/** One part, true to its hash, of a document that is a bomb. */
function document(alter: (text: Buffer) => Buffer): Answer {
  const made = makeSnapshot({ blocks: [Buffer.from(CHAIN[0] ?? '')], partBytes: 900_000, alter });
  return partsOf(
    whole(() => made.body),
    {},
    made.manifest,
  );
}
const accounts =
  (bomb: string) =>
  (text: Buffer): Buffer =>
    Buffer.from(text.toString().replace('"accounts":[', `"accounts":[${bomb},`));

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const raw = (body: () => Body): Answer => ({ asked: 'status', body, isRaw: true, headers: PLAIN });
const pings = frame(FRAME.ping, 0, 0, Buffer.alloc(8)).toString('latin1');

/** Every response that a client reads. */
export const ANSWERS: Readonly<Record<string, AnswerKind>> = {
  status: {
    valid: statusOf(whole(() => status(null))),
    bombs: {
      ...withBombs((bomb) => statusOf(whole(() => withBomb(STATUS, 'note', bomb())))),
      'brotli’ed, which was not asked for': statusOf(
        whole(() => brotliCompressSync(Buffer.alloc(BOMB_BYTES, ' '))),
        { headers: { ...JSON_ARRAY, 'content-encoding': 'br' } },
      ),
      'deflated, which was not asked for': statusOf(
        whole(() => deflateSync(Buffer.alloc(BOMB_BYTES, ' '))),
        {
          headers: { ...JSON_ARRAY, 'content-encoding': 'deflate' },
        },
      ),
      'gzip’ed twice': statusOf(
        whole(() => gzipSync(gzipSync(Buffer.alloc(ENDLESS_BYTES, ' ')))),
        {
          headers: { ...JSON_ARRAY, 'content-encoding': 'gzip, gzip' },
        },
      ),
      'a redirect to a long place': statusOf(
        whole(() => ''),
        { status: 302, headers: { ...PLAIN, location: `/${'x'.repeat(14_000)}` } },
      ),
    },
  },
  problem: {
    valid: statusOf(
      whole(() => '{"code":"BAD_REQUEST"}'),
      { status: 400 },
    ),
    bombs: {
      ...withBombs((bomb) =>
        statusOf(
          whole(() => withBomb({ code: 'BAD_REQUEST' }, 'note', bomb())),
          { status: 400 },
        ),
      ),
      'ancestors without end': stream(endless('{"code":"FORKED","ancestors":[', '{"height":1,"hash":"a"},'), {
        status: 409,
        headers: { 'content-type': 'application/problem+json' },
      }),
    },
  },
  head: {
    valid: raw(
      whole(
        () => `${HEAD}Content-Length: ${status(null).length}\r\nConnection: close\r\n\r\n${status(null)}`,
      ),
    ),
    bombs: {
      'headers without end': raw(endless(HEAD, 'X-A: b\r\n')),
      'a header without end': raw(endless(`${HEAD}X-A: `, 'x')),
      '103 without end': raw(endless('', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')),
      'chunk extensions without end': raw(endless(`${HEAD}Transfer-Encoding: chunked\r\n\r\n1;`, 'a=b;')),
      'chunks of one byte': raw(endless(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n')),
      'trailers without end': raw(
        endless(`${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n`, 'X-A: b\r\n'),
      ),
      'pings of HTTP/2 without end': {
        ...raw(() => {
          const again = Buffer.from(pings.repeat(1000), 'latin1');
          return { start: frame(FRAME.settings, 0, 0), again, times: 2_000 };
        }),
        asked: 'status by HTTP/2',
      },
    },
  },
  manifest: {
    valid: { asked: 'manifest', headers: JSON_ARRAY, body: () => ({ start: largeManifest(100_000) }) },
    bombs: {
      ...withBombs((bomb) => ({
        ...{ asked: 'manifest', headers: JSON_ARRAY, body: whole(() => withBomb(MANIFEST, 'note', bomb())) },
      })),
      ...Object.fromEntries(
        Object.entries(BOMBS).map(([name, bomb]): [string, Answer] => [
          `${name}, in its parts`,
          {
            ...{ asked: 'manifest', headers: JSON_ARRAY },
            body: () => ({ start: withBomb({ ...MANIFEST, parts: [] }, 'parts', bomb(BOMB_BYTES)) }),
          },
        ]),
      ),
      '100,000 parts, unsigned': {
        ...{ asked: 'manifest of strangers', headers: JSON_ARRAY },
        body: () => ({ start: largeManifest(100_000) }),
      },
      '1,000,000 parts': {
        ...{ asked: 'manifest', headers: JSON_ARRAY },
        body: () => ({ start: largeManifest(1_000_000) }),
      },
    },
  },
  parts: {
    valid: document((text) => text),
    bombs: {
      'more than was asked for': partsOf(endless('', 'x')),
      'gzip’ed': partsOf(endless('', 'x'), { headers: { 'content-encoding': 'gzip' } }),
      'a whole body without end in place of a range': partsOf(endless('', 'x'), { status: 200 }),
      'members of gzip without end': partsOf(() => ({ start: '', again: zeros(MIB), times: 4_000 })),
      'document: nested arrays': document(accounts('['.repeat(800_000))),
      'document: a long key': document(accounts(`{"key":"${'k'.repeat(8 * MIB)}","value":1}`)),
      'document: small entries': document(accounts('{},'.repeat(300_000).slice(0, -1))),
      'document: white space': document((text) => Buffer.concat([Buffer.alloc(32 * MIB, ' '), text])),
    },
  },
  stream: {
    valid: stream(() => ({ start: chainEvents(), end: complete })),
    bombs: {
      ...controlBombs(),
      'data of an event that is not known': stream(
        endless('event: note\ndata: ', 'x', BOMB_BYTES * 2, '\n\n'),
      ),
      'short lines of data': stream(endless('event: complete\n', 'data\n')),
      'empty events': stream(endless('', 'data:\n\n')),
      'a comment without end': stream(endless(':', 'x')),
      'short comments': stream(endless('', ':\n')),
      'long comments': stream(endless('', `:${'x'.repeat(60_000)}\n`)),
      'an id without end': stream(endless('id: ', '1')),
      'ids without end': stream(endless('', 'id: 1\n')),
      'retry without end': stream(endless('', 'retry: 1\n')),
      'a field without end': stream(endless('', 'x')),
      'data among comments': stream(
        endless('event: block\nid: 0\n', `data: ${'x'.repeat(1_100)}\n:${'y'.repeat(62_000)}\n`, 512 * MIB),
      ),
      'blocks among comments': stream(() => ({
        start: chainEvents(`:${'y'.repeat(65_000)}\n`),
        end: complete,
      })),
      'brotli’ed': stream(
        whole(() => brotliCompressSync(Buffer.alloc(BOMB_BYTES, ':'))),
        {
          headers: { ...EVENTS, 'content-encoding': 'br' },
        },
      ),
    },
  },
  'stream of one block of 4 MB': {
    valid: stream(() => ({ start: blockEvent(0, textBlock(4e6)), end: complete })),
    bombs: Object.fromEntries(
      Object.entries(BOMBS).map(([name, bomb]): [string, Answer] => [
        name,
        stream(() => ({ start: blockEvent(0, block(`{"note":${bomb(4e6)}}`)), end: complete })),
      ]),
    ),
  },
  'stream of one block of 60 MiB': {
    valid: large(stream(() => ({ start: blockEvent(0, textBlock(LARGEST_BLOCK_BYTES)), end: complete }))),
    bombs: {
      'data without end': large(stream(endless('event: block\nid: 0\ndata: ', 'x'))),
      'data before the name of the event': large(stream(endless('data: ', 'x'))),
      'lines of data': large(stream(endless('event: block\nid: 0\n', 'data: x\n'))),
    },
  },
  'stream of one gzip’ed block of 60 MiB': {
    valid: large(
      stream(
        () => ({ start: blockEvent(0, base64(gzipSync(randomBlock(LARGEST_BLOCK_BYTES)))), end: complete }),
        {
          codec: 'gzip',
          headers: { ...EVENTS, ...PLAIN },
        },
      ),
    ),
    bombs: {
      'gzip of 1 GiB': large(
        stream(() => ({ start: blockEvent(0, base64(zeros(1024 * MIB))) }), { codec: 'gzip' }),
      ),
      'bzip2 of 256 MiB': large(
        stream(
          () => ({ start: blockEvent(0, base64(bzip2().create().encode(Buffer.alloc(ENDLESS_BYTES)))) }),
          {
            codec: 'bzip2',
          },
        ),
      ),
      'members of gzip': large(
        stream(
          () => ({
            start: blockEvent(0, base64(Buffer.concat(Array.from({ length: 1000 }, () => zeros(MIB))))),
          }),
          {
            codec: 'gzip',
          },
        ),
      ),
      'base64 that is not canonical': large(
        stream(() => ({ start: blockEvent(0, '-'.repeat(80 * MIB)) }), { codec: 'gzip' }),
      ),
    },
  },
  ranges: {
    valid: ranges(() => ({ start: `[${CHAIN.map((each) => Buffer.from(each).toString()).join(',')}]` })),
    bombs: {
      'white space': ranges(endless('[', ' ')),
      'small documents': ranges(endless('[', '{},', 64 * MIB)),
      'small documents in lines': ranges(endless('', '{}\n', 64 * MIB), { headers: LINES }),
      'empty lines': ranges(endless('', '\n'), { headers: LINES }),
      'documents among white space': ranges(() => ({
        start: `[${CHAIN.map((each) => Buffer.from(each).toString()).join(`,${' '.repeat(65_000)}`)}]`,
      })),
      'documents among white space in lines': ranges(
        () => ({ start: CHAIN.map((each) => Buffer.from(each).toString()).join(`${' '.repeat(65_000)}\n`) }),
        { headers: LINES },
      ),
      'nested arrays': ranges(endless('[{"a":', '[')),
      deflated: ranges(
        whole(() => deflateSync(Buffer.alloc(BOMB_BYTES, ' '))),
        {
          headers: { ...JSON_ARRAY, 'content-encoding': 'deflate' },
        },
      ),
    },
  },
  'ranges of one document of 60 MiB': {
    valid: large(
      ranges(() => ({ start: '[', again: textBlock(LARGEST_BLOCK_BYTES), end: ']' }), {
        beside: () => ({ '/status': status({ height: 0, hash: 'f' }) }),
      }),
    ),
    bombs: {
      'a document without end': large(ranges(endless('[{"a":"', 'x'))),
      'a document of short pieces': large(ranges(endless('[{', '"a":1,'))),
    },
  },
  frames: {
    valid: frames(() => ({ start: Buffer.concat(CHAIN.map((each) => framed(gzipSync(each)))) })),
    bombs: {
      'empty frames': frames(endless('', '\0\0\0\0', 64 * MIB)),
      'frames of one byte': frames(endless('', '\0\0\0\u0001x', 64 * MIB)),
      'a frame of 4 GiB': frames(() => ({
        start: framed(Buffer.alloc(0), 2 ** 32 - 1),
        ...repeated('x', ENDLESS_BYTES),
      })),
      'gzip’ed': frames(endless('', '\0\0\0\0'), { headers: { ...FRAMES } }),
    },
  },
  'a frame of one block of 60 MiB': {
    valid: large(
      frames(() => ({ start: framed(gzipSync(randomBlock(LARGEST_BLOCK_BYTES))) }), {
        beside: () => ({ '/status': status({ height: 0, hash: 'f' }, ['gzip']) }),
      }),
    ),
    bombs: {
      'gzip of 1 GiB': large(frames(() => ({ start: framed(zeros(1024 * MIB)) }))),
    },
  },
};
