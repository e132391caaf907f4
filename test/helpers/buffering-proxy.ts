import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as send,
  type ServerResponse,
} from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createGzip } from 'node:zlib';

/** How a proxy holds back what a server sends. */
export type Holding =
  /** Nothing, the head included, goes on before the response has ended. */
  | { readonly kind: 'whole' }
  /** The head goes on at once, and the body in pieces of that many bytes. */
  | { readonly kind: 'bytes'; readonly bytes: number }
  /** The body goes on every so often. */
  | { readonly kind: 'time'; readonly ms: number }
  /** The head goes on; of a body that does not end by itself, nothing ever does. */
  | { readonly kind: 'for-ever' }
  /** The body is compressed, and goes on as the compressor gives it out, whatever the server says of that. */
  | { readonly kind: 'gzip' }
  /** Nothing is held back. */
  | { readonly kind: 'none' };

/** A proxy before an origin. */
export interface BufferingProxy {
  readonly url: string;
  /** Paths and queries that were asked for. */
  readonly seen: string[];
  /** From now on it holds back like this; what is under way goes on as it was begun. */
  hold(holding: Holding): void;
  close(): Promise<void>;
}

/** Starts a proxy that holds responses back before it sends them on. */
export async function bufferingProxy(origin: string, first: Holding): Promise<BufferingProxy> {
  let holding = first;
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { method, url = '/' } = request;
    const { 'accept-encoding': encodings, ...others } = request.headers;
    // One that compresses asks for what it can compress.
    const headers = holding.kind === 'gzip' ? others : { ...others, 'accept-encoding': encodings };
    seen.push(url);
    const onward = send(new URL(url, origin), { method, headers }, (answer) => {
      answer.on('error', () => response.destroy());
      SENDERS[holding.kind](answer, response, holding);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    hold: (next) => {
      holding = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Sender = (answer: IncomingMessage, response: ServerResponse, holding: Holding) => void;

const SENDERS: Readonly<Record<Holding['kind'], Sender>> = {
  none: (answer, response) => {
    begin(answer, response);
    answer.pipe(response);
  },
  whole: (answer, response) => {
    const held = new Held(answer);
    answer.on('end', () => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.end(held.take());
    });
  },
  bytes: (answer, response, holding) => {
    const held = new Held(answer, (length) => {
      if (holding.kind === 'bytes' && length > holding.bytes) response.write(held.take());
    });
    begin(answer, response);
    answer.on('end', () => response.end(held.take()));
  },
  time: (answer, response, holding) => {
    const held = new Held(answer);
    const timer = setInterval(() => response.write(held.take()), holding.kind === 'time' ? holding.ms : 0);
    begin(answer, response);
    answer.on('close', () => {
      clearInterval(timer);
    });
    answer.on('end', () => response.end(held.take()));
  },
  'for-ever': (answer, response) => {
    const held = new Held(answer);
    begin(answer, response);
    answer.on('end', () => response.end(held.take()));
  },
  gzip: (answer, response) => {
    const headers: OutgoingHttpHeaders = { ...answer.headers, 'content-encoding': 'gzip' };
    delete headers['content-length'];
    response.writeHead(answer.statusCode ?? 502, headers);
    response.flushHeaders();
    answer.pipe(createGzip()).pipe(response);
  },
};

function begin(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  response.flushHeaders();
}

/** What came and was not sent on. */
class Held {
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(answer: IncomingMessage, onMore: (length: number) => void = () => undefined) {
    answer.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      onMore(this.#length);
    });
  }

  take(): Buffer {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    return bytes;
  }
}
