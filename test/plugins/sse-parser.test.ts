import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { SseParser, type SseEvent } from '../../plugins/transport-sse/client/parser.js';
import { type ErrorCode, isSyncError } from '../../src/errors/index.js';
import { dataTest } from '../helpers/data-test.js';

const MIB = 1024 * 1024;

interface Seen {
  readonly type: string;
  readonly data: string;
  readonly id: string | null;
}

interface Parsed {
  readonly events: readonly Seen[];
  readonly retry: number | null;
}

/** The vectors tell of the last id of the stream, which an event without one of its own leaves as it is. */
interface Case {
  readonly name: string;
  readonly input_utf8_hex: string;
  readonly events: readonly { readonly type: string; readonly data: string; readonly lastEventId: string }[];
  readonly retry: number | null;
}

function parse(chunks: Iterable<Uint8Array>): Parsed {
  const parser = new SseParser(MIB);
  const events: Seen[] = [];
  for (const chunk of chunks) {
    parser.push(chunk, ({ type, data, id }) => {
      events.push({ type, data: Buffer.from(data).toString(), id });
    });
  }
  return { events, retry: parser.retryMs };
}

/** What a vector expects, with the ids that the events themselves were found to have. */
function expectedOf({ events, retry }: Case, seen: Parsed): Parsed {
  return {
    events: events.map(({ type, data, lastEventId }, index) => ({
      type,
      data,
      id: seen.events[index]?.id === null ? null : lastEventId,
    })),
    retry,
  };
}

function* pieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    // A copy, so that no piece can see what follows it.
    yield Uint8Array.from(bytes.subarray(at, at + size));
    at += size;
  }
}

dataTest(
  'the parser reads all vectors the same way, however they are cut',
  'vectors/sse/sse-parse.json',
  (t, file) => {
    const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };
    t.is(cases.length, 42);
    for (const vector of cases) {
      const { name } = vector;
      const input = Buffer.from(vector.input_utf8_hex, 'hex');
      const expected = expectedOf(vector, parse([input]));
      for (const size of [Math.max(input.length, 1), 1, 2, 3]) {
        t.deepEqual(parse(pieces(input, [size])), expected, `${name}, in pieces of ${size}`);
      }
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
          t.deepEqual(parse(pieces(input, sizes)), expected, name);
        }),
        { numRuns: 20 },
      );
    }
  },
);

test('an event has the id that stands in it and no other, and a zero byte makes it none', (t) => {
  const stream =
    'id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\nid: 3\nid: 4\ndata: d\n\nid: 5\0\ndata: e\n\nid\ndata: f\n\n';
  const ids = parse([Buffer.from(stream)]).events.map(({ data, id }) => [data, id]);
  t.deepEqual(ids, [
    ['a', '1'],
    ['b', null],
    ['c', null],
    ['d', '4'],
    ['e', null],
    ['f', ''],
  ]);
});

test('any mixture of lines gives the same events whole and cut anywhere', (t) => {
  const line = fc.oneof(
    fc.constantFrom(
      '',
      'data',
      'data:',
      'id: 7',
      'id',
      'event: block',
      'retry: 5',
      ': comment',
      'x: y',
      '\ufeff',
    ),
    fc.string({ maxLength: 12 }).map((text) => `data: ${text}`),
  );
  const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n')), { maxLength: 30 });
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lines, sizes) => {
      const input = Buffer.from(lines.flat().join(''));
      t.deepEqual(parse(pieces(input, sizes)), parse([input]));
    }),
  );
});

test('blocks as our servers write them, and what only begins like one, are read whole as they are byte by byte', (t) => {
  const block = fc
    .tuple(
      fc.constantFrom('', '0', '12', '12x', '12\r', '1234567890123456', '12345678901234567'),
      fc.constantFrom('', 'abc', 'a\rb', 'abc\r', 'a\nid: 3', 'a\ndata: b', 'a\n: comment'),
      fc.constantFrom('\n\n', '\n\r', '\n', '\r\n\r\n'),
    )
    .map(([id, data, end]) => `event: block\nid: ${id}\ndata: ${data}${end}`);
  fc.assert(
    fc.property(fc.array(block, { maxLength: 8 }), (blocks) => {
      const input = Buffer.from(blocks.join(''));
      t.deepEqual(parse([input]), parse(pieces(input, [1])));
    }),
  );
});

test('an id of thousands of digits is refused in a block that comes whole', (t) => {
  const input = Buffer.from(`event: block\nid: ${'1'.repeat(5000)}\ndata: a\n\n`);
  t.true(
    isSyncError(
      t.throws(() => parse([input])),
      'PROTOCOL_VIOLATION',
    ),
  );
});

test('data of any size comes out as it went in, from pieces of any size', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      (sizes, lineCount) => {
        const lines = Array.from({ length: lineCount }, (_, i) => String(i).repeat(9000 * i + 11));
        const input = Buffer.from(`${lines.map((line) => `data: ${line}\n`).join('')}\ndata: next\n\n`);
        const { events } = parse(pieces(input, sizes));
        t.is(events[0]?.data, lines.join('\n'));
        t.is(events[1]?.data, 'next');
      },
    ),
    { numRuns: 50 },
  );
});

test('a data line that lies in one chunk is a view of that chunk', (t) => {
  const chunk = new TextEncoder().encode('event: block\nid: 1\ndata: QUJD\n\n');
  const events: SseEvent[] = [];
  new SseParser(MIB).push(chunk, (event) => events.push(event));
  t.is(events[0]?.data.buffer, chunk.buffer);
});

test('an event has only its own id, not the one of an earlier event', (t) => {
  const events: SseEvent[] = [];
  new SseParser(MIB).push(Buffer.from('id: 1\ndata: a\n\ndata: b\n\n'), (event) => events.push(event));
  t.deepEqual(
    events.map((event) => event.id),
    ['1', null],
  );
});

test('an event of exactly the limit is taken and one byte more is refused, however it is cut', (t) => {
  const event = Buffer.from(`: comments do not count\nevent: block\nid: 12\ndata: ${'x'.repeat(500)}\n\n`);
  const size = event.length - ': comments do not count\n'.length - '\n\n'.length;
  for (const chunkSize of [1, 7, 10_000]) {
    for (const [limit, tooLarge] of [
      [size, false],
      [size - 1, true],
    ] as const) {
      const parser = new SseParser(limit);
      const feed = (): void => {
        for (const piece of pieces(event, [chunkSize])) parser.push(piece, () => undefined);
      };
      if (tooLarge) t.true(isSyncError(t.throws(feed), 'EVENT_TOO_LARGE'));
      else t.notThrows(feed);
    }
  }
});

const endless: Record<string, { start: string; more: string; code?: ErrorCode }> = {
  'a line without an end': { start: '', more: 'x'.repeat(1000) },
  'a data line without an end': { start: 'data: ', more: 'x'.repeat(1000) },
  'data lines without an end': { start: '', more: 'data: xxxxxxxx\n'.repeat(100) },
  'empty data lines without an end': { start: '', more: 'data\n'.repeat(100) },
  'an id without an end': { start: 'id: ', more: '1'.repeat(1000), code: 'PROTOCOL_VIOLATION' },
  'ids without an end': { start: '', more: 'id: 1\n'.repeat(100) },
  'an event name without an end': { start: 'event: ', more: 'x'.repeat(1000), code: 'PROTOCOL_VIOLATION' },
  'a retry value without an end': { start: 'retry: ', more: '1'.repeat(1000), code: 'PROTOCOL_VIOLATION' },
  'unknown fields without an end': { start: '', more: 'foo: bar\n'.repeat(100) },
  'a comment without an end': { start: ': ', more: 'x'.repeat(1000) },
};
for (const [title, { start, more, code = 'EVENT_TOO_LARGE' }] of Object.entries(endless)) {
  test(`${title} is stopped at the limit`, (t) => {
    const parser = new SseParser(MIB);
    let sent = 0;
    const error = t.throws(() => {
      parser.push(Buffer.from(start), () => undefined);
      for (; sent < 3 * MIB; sent += more.length) parser.push(Buffer.from(more), () => undefined);
    });
    t.is(isSyncError(error) ? error.code : null, code, String(error));
    t.true(sent <= MIB + more.length);
  });
}

test('comments of any number cost no memory and never become an event', (t) => {
  const parser = new SseParser(1000);
  const comments = Buffer.from(': heartbeat\n'.repeat(100));
  for (let i = 0; i < 100; i++) parser.push(comments, () => t.fail());
  let data = '';
  parser.push(Buffer.from('data: x\n\n'), (event) => {
    data = Buffer.from(event.data).toString();
  });
  t.is(data, 'x');
});

test('an event sent byte by byte costs memory in proportion to its size', (t) => {
  const parser = new SseParser(4 * MIB);
  const before = process.memoryUsage();
  parser.push(Buffer.from('data: '), () => undefined);
  for (let i = 0; i < 2 * MIB; i++) parser.push(Uint8Array.of(0x41), () => undefined);
  let length = 0;
  parser.push(Buffer.from('\n\n'), (event) => {
    length = event.data.length;
  });
  t.is(length, 2 * MIB);
  // Held as one object a byte it would be several hundred MiB.
  const after = process.memoryUsage();
  t.true(after.rss - before.rss < 150 * MIB, `${(after.rss - before.rss) / MIB} MiB`);
});
