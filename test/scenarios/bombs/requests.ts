import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import {
  END_HEADERS,
  END_STREAM,
  field,
  FRAME,
  frame,
  get,
  NEWEST_FIELD,
  NO_WINDOW,
  PREFACE,
  settings,
} from './http2-frames.js';

/** Where the server listens. */
export interface Ports {
  readonly http1: number;
  readonly http2: number;
}

/** Something that a client does; resolves with what it came to. */
export type Attack = (ports: Ports) => Promise<string>;

/** A kind of request: a valid one, and bombs. */
export interface RequestKind {
  readonly valid: Attack;
  readonly bombs: Readonly<Record<string, Attack>>;
}

/** Blocks of the chain that is served. */
export const BLOCKS = 8_000;
/** A flood is given up after this time, in milliseconds. */
const FLOOD_MS = 1_500;
const FLOOD_BYTES = 16 * 1024 * 1024;
/** Time in which those that read nothing hold what they hold. */
const HOLD_MS = 1_500;
/** Of a thousand that are answered in full: it takes a while until each has come as far as it goes. */
const LONG_HOLD_MS = 6_000;

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** Sends the same request so often, ten at once, and reads the answers. @returns their status codes */
async function ask(
  { http1: port }: Ports,
  path: string,
  headers: Headers = {},
  method = 'GET',
  body = '',
): Promise<string> {
  const agent = new Agent({ keepAlive: true, maxSockets: 10 });
  const sized = body === '' ? headers : { ...headers, 'content-length': String(body.length) };
  const codes = new Set<string>();
  const once1 = async (): Promise<void> => {
    codes.add(await answered({ port, path, headers: sized as never, method, agent, body }));
  };
  await Promise.all(Array.from({ length: 20 }, once1));
  agent.destroy();
  return [...codes].join(', ');
}

interface Sent {
  readonly port: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly method: string;
  readonly agent: Agent;
  readonly body: string;
}

async function answered({ body, ...options }: Sent): Promise<string> {
  const sent = request({ host: '127.0.0.1', ...options });
  sent.on('error', () => undefined);
  sent.end(body);
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    return String(response.statusCode);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'broken off';
  }
}

/** Writes bytes to a connection until the server has had enough. @returns how it ended */
async function flood(
  port: number,
  start: Uint8Array | string,
  again: Uint8Array | string,
  isHeld = false,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const isClosed = (): boolean => socket.closed || socket.destroyed;
  let said = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => (said ||= bytes.toString('latin1').split('\r\n', 1)[0] ?? ''));
  await once(socket, 'connect');
  socket.write(start);
  const until = performance.now() + FLOOD_MS;
  for (
    let bytes = 0;
    !isClosed() && bytes < FLOOD_BYTES && performance.now() < until;
    bytes += again.length
  ) {
    if (socket.write(again)) await wait(0);
    else await Promise.race([once(socket, 'drain').catch(() => undefined), wait(100)]);
  }
  if (isHeld && !isClosed()) await wait(HOLD_MS);
  const end = isClosed() ? 'cut off' : 'borne';
  socket.destroy();
  return said.startsWith('HTTP/1.1') ? `${said.slice(9, 12)}, ${end}` : end;
}

const http1Flood =
  (start: string, again: string): Attack =>
  ({ http1 }) =>
    flood(http1, start, again.repeat(Math.ceil(4096 / again.length)));
const http2Flood =
  (start: Uint8Array, again: Uint8Array): Attack =>
  ({ http2 }) =>
    flood(http2, Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), start]), repeated(again));

function repeated(again: Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: Math.ceil(4096 / again.length) }, () => again));
}

/** Requests that are called off at once, each of a stream of its own. */
const rapidReset: Attack = async ({ http2 }) => {
  const requests: Buffer[] = [];
  const fields = get('/sync/json?from=0&to=999');
  for (let stream = 1; stream < 20_000; stream += 2) {
    requests.push(frame(FRAME.headers, END_HEADERS | END_STREAM, stream, fields));
    requests.push(frame(FRAME.reset, 0, stream, Buffer.of(0, 0, 0, 8)));
  }
  return flood(http2, Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0), ...requests]), '');
};

/** Opens connections that ask for something each and read nothing, or read all that comes for a while. */
async function readers(
  port: number,
  count: number,
  requestOf: (index: number) => string | Uint8Array,
  reads: boolean,
  holdMs = HOLD_MS,
): Promise<string> {
  const sockets: Socket[] = [];
  let heard = 0;
  for (let index = 0; index < count; index++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    if (reads) socket.on('data', (bytes: Buffer) => (heard += bytes.length));
    sockets.push(socket);
    socket.write(requestOf(index));
  }
  await wait(holdMs);
  for (const socket of sockets) socket.destroy();
  return reads ? `${(heard / 1e6).toFixed(0)} MB read` : `${count} held`;
}

const plain = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const follow = (from: number, codec = 'gzip', more = ''): string =>
  plain(`/sync/stream?from_height=${from}&follow=true&codec=${codec}`, more);
/** In each codec from a place of its own on. */
const places = (index: number): string => follow(index * 300, index % 2 === 0 ? 'identity' : 'gzip');
/** Says that this is another client than the others. */
const client = (index: number): string => `X-Client: c${index}\r\n`;
/** All that one answer may have. */
const WHOLE = `/sync/json?from=0&to=${BLOCKS - 1}`;

/** A session of a hundred requests, or fewer, of a client that may have a name. */
function session(settingsFrame: Uint8Array, path: string, { count = 100, name = '' } = {}): Buffer {
  const fields = Buffer.concat([get(path), ...(name === '' ? [] : [field('x-client', name)])]);
  const requests = Array.from({ length: count }, (_, index) =>
    frame(FRAME.headers, END_HEADERS | END_STREAM, 2 * index + 1, fields),
  );
  return Buffer.concat([PREFACE, settingsFrame, ...requests]);
}

const tags = Array.from({ length: 1_000 }, (_, at) => `"t${at}"`).join(', ');
const long = 'x'.repeat(15_000);
const parameters = (name: string): string =>
  Array.from({ length: 1_000 }, (_, at) => `${name}${at}=1`).join('&');
const manyRanges = `bytes=${Array.from({ length: 1_400 }, (_, at) => `${at}-${at}`).join(',')}`;
const accepts = Array.from({ length: 400 }, (_, at) => `a/b${at};q=0.5`).join(',');

/** What any path may be asked with. */
function anyPath(path: string): Readonly<Record<string, Attack>> {
  const mark = path.includes('?') ? '&' : '?';
  const at =
    (suffix: string, headers: Headers = {}, method = 'GET', body = ''): Attack =>
    (ports) =>
      ask(ports, `${path}${suffix}`, headers, method, body);
  return {
    'a long query': at(`${mark}x=${long}`),
    'a thousand parameters': at(mark + parameters('p')),
    'a parameter as a thousand lists': at(mark + parameters('from[').replaceAll('=', ']=')),
    'broken escapes': at(`${mark}x=${'%'.repeat(15_000)}`),
    'many escapes': at(`${mark}x=${'%F0%9F%98%80'.repeat(1_200)}`),
    'a thousand tags': at('', { 'if-none-match': tags }),
    'tags without end': at('', { 'if-none-match': `"${'W/"'.repeat(5_000)}` }),
    'hundreds of types': at('', { accept: accepts, 'accept-encoding': accepts }),
    'nested parameters of a type': at('', { accept: `a/b${';c=d'.repeat(3_700)}` }),
    'a thousand ranges': at('', { range: manyRanges }),
    'a range of many digits': at('', { range: `bytes=${'9'.repeat(7_000)}-${'9'.repeat(7_000)}` }),
    'a range of white space': at('', { range: `bytes=${' '.repeat(14_000)}x` }),
    'a long Last-Event-ID': at('', { 'last-event-id': '9'.repeat(15_000) }),
    'a header too long': at('', { 'x-long': 'x'.repeat(100_000) }),
    'thousands of headers': at(
      '',
      Object.fromEntries(Array.from({ length: 1_900 }, (_, index) => [`x${index}`, ''])),
    ),
    'a body of 4 MB': at('', {}, 'GET', 'x'.repeat(4e6)),
    POST: at('', {}, 'POST', 'x'.repeat(4e6)),
    'an odd method': at('', {}, 'PROPFIND'),
  };
}

const paths: Readonly<Record<string, string>> = {
  status: '/sync/status',
  stream: '/sync/stream?from_height=7900',
  'stream of identity': '/sync/stream?from_height=7900&codec=identity',
  ranges: '/sync/json?from=0&to=99',
  'ranges of frames': '/sync/json?from=0&to=99&frames=gzip',
  snapshot: '/sync/snapshot?type=recent',
  manifest: '/sync/snapshot/manifest?type=recent',
  'no path': '/nothing',
};

const valid =
  (path: string, headers: Headers = {}): Attack =>
  (ports) =>
    ask(ports, path, headers);

/** Every endpoint of a server. */
export const REQUESTS: Readonly<Record<string, RequestKind>> = {
  ...Object.fromEntries(
    Object.entries(paths).map(([name, path]): [string, RequestKind] => [
      name,
      { valid: valid(path), bombs: anyPath(path) },
    ]),
  ),
  'HTTP/1.1': {
    valid: valid('/sync/status'),
    bombs: {
      'a request line without end': http1Flood('GET /sync/', 'x'),
      'headers without end': http1Flood('GET /sync/status HTTP/1.1\r\nHost: a\r\n', 'X-A: b\r\n'),
      'a body without end': http1Flood(
        'POST /sync/status HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n',
        'x',
      ),
      'chunks of one byte': http1Flood(
        'POST /sync/status HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
        '1\r\nx\r\n',
      ),
      'chunk extensions without end': http1Flood(
        'POST /sync/status HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;',
        'a=b;',
      ),
    },
  },
  'HTTP/2': {
    valid: ({ http2 }) => readers(http2, 1, () => session(frame(FRAME.settings, 0, 0), '/sync/status'), true),
    bombs: {
      'requests that are called off': rapidReset,
      pings: http2Flood(Buffer.alloc(0), frame(FRAME.ping, 0, 0, Buffer.alloc(8))),
      settings: http2Flood(Buffer.alloc(0), settings(3, 100)),
      priorities: http2Flood(Buffer.alloc(0), frame(FRAME.priority, 0, 1, Buffer.of(0, 0, 0, 3, 1))),
      'window updates': http2Flood(Buffer.alloc(0), frame(FRAME.windowUpdate, 0, 0, Buffer.of(0, 0, 0, 1))),
      'continuations without end': http2Flood(
        frame(FRAME.headers, END_STREAM, 1, get('/sync/status')),
        frame(FRAME.continuation, 0, 1, field('x-a', 'b')),
      ),
      'empty continuations': http2Flood(
        frame(FRAME.headers, END_STREAM, 1, get('/sync/status')),
        frame(FRAME.continuation, 0, 1),
      ),
      'empty pieces of a body': http2Flood(
        frame(FRAME.headers, END_HEADERS, 1, get('/sync/status')),
        frame(FRAME.data, 0, 1),
      ),
      'a field that is named ten thousand times': http2Flood(
        frame(
          FRAME.headers,
          END_HEADERS | END_STREAM,
          1,
          Buffer.concat([
            get('/sync/status'),
            field('x-a', 'x'.repeat(3_900), true),
            Buffer.alloc(10_000, NEWEST_FIELD),
          ]),
        ),
        frame(
          FRAME.headers,
          END_HEADERS | END_STREAM,
          3,
          Buffer.concat([get('/sync/status'), Buffer.alloc(10_000, NEWEST_FIELD)]),
        ),
      ),
    },
  },
  'followers of one client': {
    valid: ({ http1 }) => readers(http1, 20, () => follow(0), true),
    bombs: {
      'that read nothing': ({ http1 }) => readers(http1, 20, () => follow(0), false),
      'compressed, that read nothing': ({ http1 }) =>
        readers(http1, 20, () => follow(0, 'identity', 'Accept-Encoding: gzip\r\n'), false),
      'a thousand, that read nothing': ({ http1 }) => readers(http1, 1_000, () => follow(0), false),
    },
  },
  'followers at twenty places': {
    valid: ({ http1 }) => readers(http1, 20, places, true),
    bombs: { 'that read nothing': ({ http1 }) => readers(http1, 20, places, false) },
  },
  'answers to one client': {
    valid: ({ http1 }) => readers(http1, 32, () => plain(WHOLE), true),
    bombs: {
      'that it does not read': ({ http1 }) => readers(http1, 32, () => plain(WHOLE), false),
      'compressed, that it does not read': ({ http1 }) =>
        readers(http1, 32, () => plain(WHOLE, 'Accept-Encoding: gzip\r\n'), false),
      'in frames, that it does not read': ({ http1 }) =>
        readers(http1, 32, () => plain(`${WHOLE}&frames=gzip`), false),
      'of snapshots, that it does not read': ({ http1 }) =>
        readers(http1, 32, () => plain('/sync/snapshot?type=recent'), false),
      'a thousand, that it does not read': ({ http1 }) => readers(http1, 1_000, () => plain(WHOLE), false),
      'requests one behind the other, no answer read': ({ http1 }) =>
        readers(http1, 20, () => plain('/sync/json?from=0&to=999').repeat(500), false),
      'of three sessions without a window': ({ http2 }) =>
        readers(http2, 3, () => session(NO_WINDOW, WHOLE), false),
      'streams of three sessions without a window': ({ http2 }) =>
        readers(http2, 3, () => session(NO_WINDOW, '/sync/stream?from_height=0'), false),
    },
  },
  'a thousand clients that ask': {
    valid: ({ http1 }) => readers(http1, 1_000, (index) => plain(WHOLE, client(index)), true, LONG_HOLD_MS),
    bombs: {
      'and read nothing': ({ http1 }) =>
        readers(http1, 1_000, (index) => plain(WHOLE, client(index)), false, LONG_HOLD_MS),
      'by HTTP/2, without a window': ({ http2 }) =>
        readers(
          http2,
          1_000,
          (index) => session(NO_WINDOW, WHOLE, { count: 1, name: `c${index}` }),
          false,
          LONG_HOLD_MS,
        ),
    },
  },
  'a thousand clients that follow': {
    valid: ({ http1 }) => readers(http1, 1_000, (index) => follow(0, 'gzip', client(index)), true),
    bombs: {
      'that read nothing': ({ http1 }) =>
        readers(http1, 1_000, (index) => follow(0, 'gzip', client(index)), false),
    },
  },
};
