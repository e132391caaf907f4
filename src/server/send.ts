import type { ServerResponse } from 'node:http';
import type { EndpointResponse } from '../contracts/index.js';
import { isUnwrapped } from './unwrapped.js';

/** Piece given to the socket at once, in bytes: what a slow client takes shows in steps of this size. */
const MIN_WRITE_BYTES = 64 * 1024;
/** The same for a client that has taken those before within {@link QUICK_MS}: waiting for each takes longer than sending it. */
const MAX_WRITE_BYTES = 256 * 1024;
const QUICK_MS = 50;

/** What the last response of a connection has come to. */
const writeBytesOf = new WeakMap<object, number>();

/** A response that middleware such as `compression` may have put a `flush` on. */
type Flushable = ServerResponse & { readonly flush?: () => void };

/**
 * Sends a response as fast as the client takes it. Resolves when everything was handed over or the client has gone;
 * a client that takes nothing for `writeStallMs` is cut off, of which `onEvicted` is told.
 *
 * @throws what the body throws; the response is to be broken off then
 */
export async function sendResponse(
  res: ServerResponse,
  response: EndpointResponse,
  { writeStallMs }: { readonly writeStallMs: number },
  onEvicted: () => void = () => undefined,
): Promise<void> {
  const { body } = response;
  const client = new Client(res, writeStallMs, onEvicted);
  try {
    writeHead(res, response);
    // Behind the head: some middleware waits for it before it puts itself in between.
    const isOurs = isUnwrapped(res);
    if (body instanceof Uint8Array) await client.write(body);
    else if (body !== null) await writeAll(client, res, body);
    await client.end();
    if (isOurs && res.writableFinished) response.onSent?.();
  } finally {
    client.release();
  }
}

/** Stands on the responses of Node's HTTP/2 server; their `destroy` would end the stream as if all had been sent. */
type Http2Response = ServerResponse & {
  readonly stream?: { readonly destroyed: boolean; readonly closed: boolean; destroy(error: Error): void };
};

/** Ends an exchange so that its client sees that the rest is missing. */
export function breakOff(res: ServerResponse): void {
  const { stream } = res as Http2Response;
  // RST_STREAM with INTERNAL_ERROR (RFC 9113 section 7); Node's `close(code)` would send END_STREAM before it.
  if (typeof stream?.destroy === 'function') stream.destroy(new Error('The response broke off.'));
  else res.destroy();
}

/** Not `writeHead` with the headers: what the host has set already has to stay, and to be seen by its middleware. */
function writeHead(res: ServerResponse, { status, headers }: EndpointResponse): void {
  // What is served is data: no browser is to take a block for a page or a script.
  res.setHeader('x-content-type-options', 'nosniff');
  for (const [name, value] of Object.entries(headers)) {
    // What the host's answers depend on (an origin, say) stays beside what ours do.
    if (name === 'vary') res.appendHeader(name, value);
    else res.setHeader(name, value);
  }
  res.writeHead(status);
}

async function writeAll(client: Client, res: ServerResponse, body: AsyncIterable<Uint8Array>): Promise<void> {
  // What has a length is there at once; its head goes with it.
  if (!res.hasHeader('content-length')) res.flushHeaders();
  for await (const chunk of body) {
    const wrote = client.write(chunk);
    if (wrote !== true && !(await wrote)) return;
    (res as Flushable).flush?.();
  }
}

/** The far end of a response. */
class Client {
  readonly #res: ServerResponse;
  readonly #stallMs: number;
  readonly #onEvicted: () => void;
  #onProgress = (): void => undefined;
  #writeBytes: number;
  readonly #progress = (): void => {
    this.#onProgress();
  };

  /**
   * One listener of each kind for the whole response: `compression` moves listeners for `drain` to a stream of its own,
   * where they can't be removed one by one.
   */
  constructor(res: ServerResponse, stallMs: number, onEvicted: () => void) {
    this.#onEvicted = onEvicted;
    this.#res = res;
    this.#stallMs = stallMs;
    this.#writeBytes = (res.socket === null ? null : writeBytesOf.get(res.socket)) ?? MIN_WRITE_BYTES;
    for (const event of EVENTS) res.on(event, this.#progress);
  }

  /**
   * Writes and, only when it has to, waits until more can be; `false` when the client has gone. No promise for a client
   * that keeps up: there are many of them, and each block goes to all.
   */
  write(chunk: Uint8Array): boolean | Promise<boolean> {
    if (chunk.length > MIN_WRITE_BYTES) return this.#writePieces(chunk);
    if (this.#gone) return false;
    return this.#res.write(chunk) ? !this.#gone : this.#taken();
  }

  async #writePieces(chunk: Uint8Array): Promise<boolean> {
    let start = 0;
    while (start < chunk.length && !this.#gone) {
      const end = start + this.#writeBytes;
      const beganMs = performance.now();
      if (!this.#res.write(chunk.subarray(start, end))) await this.#next();
      this.#adapt(performance.now() - beganMs);
      start = end;
    }
    return !this.#gone;
  }

  /** @param tookMs - that a piece took. */
  #adapt(tookMs: number): void {
    const isQuick = tookMs <= QUICK_MS;
    this.#writeBytes = isQuick ? Math.min(2 * this.#writeBytes, MAX_WRITE_BYTES) : MIN_WRITE_BYTES;
    const { socket } = this.#res;
    if (socket !== null) writeBytesOf.set(socket, this.#writeBytes);
  }

  async #taken(): Promise<boolean> {
    await this.#next();
    return !this.#gone;
  }

  /** Ends the response and waits until all of it was handed to the system. */
  async end(): Promise<void> {
    if (!this.#gone) this.#res.end();
    while (!this.#gone && !this.#res.writableFinished) await this.#next();
  }

  release(): void {
    for (const event of EVENTS) this.#res.off(event, this.#progress);
  }

  get #gone(): boolean {
    const { destroyed, socket, stream } = this.#res as Http2Response;
    // Of HTTP/2, `socket` stands for the connection that all streams share, and its response is never `destroyed`.
    if (stream !== undefined) return stream.destroyed || stream.closed;
    return destroyed || socket?.destroyed === true;
  }

  /**
   * Waits for the next sign of the client; one that gives none in time is cut off. When the process itself was held up,
   * the timer fires before the signs that have come meanwhile are seen: they get one turn.
   */
  #next(): Promise<void> {
    return new Promise((resolve) => {
      let lastTurn: NodeJS.Immediate | undefined;
      const timer = setTimeout(() => {
        lastTurn = setImmediate(() => {
          this.#onEvicted();
          breakOff(this.#res);
          this.#onProgress();
        });
      }, this.#stallMs);
      this.#onProgress = () => {
        clearTimeout(timer);
        clearImmediate(lastTurn);
        resolve();
      };
    });
  }
}

const EVENTS = ['drain', 'finish', 'close', 'error'] as const;
