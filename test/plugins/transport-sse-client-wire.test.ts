import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { decodeBase64 } from '../../plugins/transport-sse/client/base64.js';
import { SseParser, type SseEvent } from '../../plugins/transport-sse/client/parser.js';
import {
  formatCompleteEvent,
  formatErrorEvent,
  formatRollbackEvent,
  HEARTBEAT,
} from '../../plugins/transport-sse/server/format.js';
import { parseWireEvent } from '../../plugins/transport-sse/client/wire.js';
import { formatBlockEvent } from '../helpers/block-event.js';
import type { Frame, WireItem } from '../../src/contracts/index.js';
import { isSyncError, type ErrorCode } from '../../src/errors/index.js';

const following = { codec: 'gzip', follow: true };

function events(...parts: Uint8Array[]): SseEvent[] {
  const parsed: SseEvent[] = [];
  new SseParser(1 << 24).push(Buffer.concat(parts), (event) => parsed.push(event));
  return parsed;
}

function frame(height: number, codec: string, bytes: Uint8Array): Pick<Frame, 'header' | 'codec' | 'bytes'> {
  return { header: { height, hash: 'h', previousHash: 'p', timestamp: null }, codec, bytes };
}

function expectCode(t: ExecutionContext, run: () => unknown, code: ErrorCode, message?: string): void {
  const error = t.throws(run, undefined, message);
  t.true(isSyncError(error, code), `${message ?? ''} ${String(error)}`);
}

test('what the server half writes the client half reads, for any content', (t) => {
  const height = fc.maxSafeNat();
  const hash = fc.string({ minLength: 1, maxLength: 100, unit: 'binary' });
  fc.assert(
    fc.property(height, hash, fc.uint8Array({ maxLength: 500 }), fc.string(), (at, name, bytes, text) => {
      const ref = { height: at, hash: name };
      const stream = events(
        HEARTBEAT,
        formatBlockEvent(frame(at, 'gzip', bytes)),
        formatRollbackEvent(ref),
        HEARTBEAT,
        formatCompleteEvent(ref),
        formatCompleteEvent(null),
        formatErrorEvent('INTERNAL', text),
      );
      t.is(stream.length, 5);
      const items = stream.slice(0, 4).map((event) => parseWireEvent(event, following));
      t.deepEqual(items.map(plain), [
        { kind: 'frame', height: at, codec: 'gzip', bytes: Buffer.from(bytes) },
        { kind: 'rollback', to: ref },
        { kind: 'complete', head: ref },
        { kind: 'complete', head: null },
      ]);
      expectCode(t, () => stream[4] && parseWireEvent(stream[4], following), 'PEER_ERROR');
    }),
  );
});

function plain(item: WireItem | null): unknown {
  return item?.kind === 'frame' ? { ...item, bytes: Buffer.from(item.bytes) } : item;
}

test('events have LF line ends only and the form that the protocol gives', (t) => {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  t.is(text(formatBlockEvent(frame(7, 'gzip', Buffer.from('abc')))), 'event: block\nid: 7\ndata: YWJj\n\n');
  t.is(text(formatBlockEvent(frame(7, 'identity', Buffer.from('{}')))), 'event: block\nid: 7\ndata: {}\n\n');
  t.is(
    text(formatRollbackEvent({ height: 3, hash: 'a' })),
    'event: rollback\nid: 3\ndata: {"height":3,"hash":"a"}\n\n',
  );
  t.is(
    text(formatCompleteEvent({ height: 3, hash: 'a' })),
    'event: complete\ndata: {"height":3,"hash":"a"}\n\n',
  );
  t.is(text(formatCompleteEvent(null)), 'event: complete\ndata: {"height":null,"hash":null}\n\n');
  t.is(
    text(formatErrorEvent('INTERNAL', 'a\r\n\nevent: block')),
    'event: error\ndata: {"error":"a\\r\\n\\nevent: block","code":"INTERNAL"}\n\n',
  );
});

test('a document with a line break is refused and can not inject an event', (t) => {
  for (const text of ['{\n}', '{\r}', '{}\n\nevent: block\ndata: x']) {
    expectCode(t, () => formatBlockEvent(frame(1, 'identity', Buffer.from(text))), 'BLOCK_MALFORMED');
  }
});

test('a height that is none is a mistake of the caller', (t) => {
  for (const height of [-1, 1.5, NaN, 2 ** 53, '1\nid: 2' as unknown as number]) {
    t.throws(() => formatBlockEvent(frame(height, 'gzip', Buffer.alloc(0))), { instanceOf: TypeError });
    t.throws(() => formatRollbackEvent({ height, hash: 'a' }), { instanceOf: TypeError });
  }
});

test('base64 is taken exactly when encoding again gives the same characters', (t) => {
  const near = fc
    .tuple(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(60),
      fc.constantFrom('', '=', ' ', '-', '_', '\n', 'A', 'é', '!', '\0'),
    )
    .map(([bytes, at, insert]) => {
      const text = Buffer.from(bytes).toString('base64');
      return text.slice(0, at) + insert + text.slice(at + (at % 2));
    });
  const anything = fc.string({
    maxLength: 24,
    unit: fc.constantFrom('A', 'Q', 'g', 'w', '/', '+', '-', '_', '=', ' ', '\n', 'Z', '0'),
  });
  fc.assert(
    fc.property(fc.oneof(near, anything), (text) => {
      const data = Buffer.from(text, 'latin1');
      const reference = Buffer.from(text, 'latin1').toString('latin1');
      const decoded = Buffer.from(reference, 'base64');
      if (decoded.toString('base64') === reference) t.deepEqual(Buffer.from(decodeBase64(data)), decoded);
      else expectCode(t, () => decodeBase64(data), 'CODEC_CORRUPT', JSON.stringify(text));
    }),
    { numRuns: 3000 },
  );
});

test('base64 much longer than one slice is decoded and checked to its end', (t) => {
  const bytes = Buffer.from(Array.from({ length: 200_001 }, (_, i) => (i * 7919) & 0xff));
  const text = Buffer.from(bytes.toString('base64'));
  t.deepEqual(Buffer.from(decodeBase64(text)), bytes);
  for (const at of [0, 32_767, 32_768, 65_535, 65_536, text.length - 1]) {
    for (const byte of [0x20, 0x2d, 0x5f, 0x3d, 0x0a]) {
      const damaged = Buffer.from(text);
      damaged[at] = byte;
      // The last character is a padding already or may become one.
      if (damaged.equals(text) || (at === text.length - 1 && byte === 0x3d)) continue;
      expectCode(t, () => decodeBase64(damaged), 'CODEC_CORRUPT', `${byte} at ${at}`);
    }
  }
});

const encode = (text: string): Uint8Array => Buffer.from(text);
const wrong: readonly [string, string, ErrorCode][] = [
  ['an id with a leading zero', 'event: block\nid: 07\ndata: YWJj\n\n', 'PROTOCOL_VIOLATION'],
  ['an id that is no number', 'event: block\nid: x\ndata: YWJj\n\n', 'PROTOCOL_VIOLATION'],
  ['an empty id', 'event: block\nid\ndata: YWJj\n\n', 'PROTOCOL_VIOLATION'],
  ['an id beyond 2^53', 'event: block\nid: 9007199254740992\ndata: YWJj\n\n', 'PROTOCOL_VIOLATION'],
  ['base64 in two lines', 'event: block\ndata: YWJj\ndata: YWJj\n\n', 'CODEC_CORRUPT'],
  ['base64 with a space', 'event: block\ndata: YWJ j\n\n', 'CODEC_CORRUPT'],
  ['base64 with spare bits set', 'event: block\ndata: YWF=\n\n', 'CODEC_CORRUPT'],
  ['complete without data', 'event: complete\ndata:\n\n', 'PROTOCOL_VIOLATION'],
  ['complete without a height', 'event: complete\ndata: {}\n\n', 'PROTOCOL_VIOLATION'],
  ['complete at a negative height', 'event: complete\ndata: {"height":-1}\n\n', 'PROTOCOL_VIOLATION'],
  [
    'complete with a hash but no height',
    'event: complete\ndata: {"height":null,"hash":"a"}\n\n',
    'PROTOCOL_VIOLATION',
  ],
  [
    'complete with a number as hash',
    'event: complete\ndata: {"height":1,"hash":2}\n\n',
    'PROTOCOL_VIOLATION',
  ],
  [
    'complete that is not UTF-8',
    'event: complete\ndata: {"height":1,"hash":"\u00ff"}\n\n',
    'PROTOCOL_VIOLATION',
  ],
  ['complete of 70 KB', `event: complete\ndata: {"x":"${'y'.repeat(70_000)}"}\n\n`, 'PROTOCOL_VIOLATION'],
  ['rollback without a hash', 'event: rollback\ndata: {"height":1}\n\n', 'PROTOCOL_VIOLATION'],
  [
    'rollback with another id',
    'event: rollback\nid: 2\ndata: {"height":1,"hash":"a"}\n\n',
    'PROTOCOL_VIOLATION',
  ],
  ['an error that is not JSON', 'event: error\ndata: boom\n\n', 'PROTOCOL_VIOLATION'],
];
for (const [title, text, code] of wrong) {
  test(`refused: ${title}`, (t) => {
    const [event] = events(title.includes('UTF-8') ? Buffer.from(text, 'latin1') : encode(text));
    expectCode(t, () => event && parseWireEvent(event, following), code);
  });
}

test('a rollback is refused where it was not asked for', (t) => {
  const [event] = events(formatRollbackEvent({ height: 1, hash: 'a' }));
  expectCode(t, () => event && parseWireEvent(event, { ...following, follow: false }), 'PROTOCOL_VIOLATION');
});

test('a damaged block names its height', (t) => {
  const [event] = events(encode('event: block\nid: 12\ndata: ?\n\n'));
  const error = t.throws(() => event && parseWireEvent(event, following));
  t.true(isSyncError(error) && error.context.height === 12);
});
