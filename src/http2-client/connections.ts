import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { readOptions } from '../internal/options/index.js';
import { HTTP2_FETCH_OPTIONS, type Http2FetchOptions, type Http2FetchSettings } from './options.js';

/** What a stream may send before it has to be read, in bytes: enough for a fast stream over a long way. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
/** For all streams of a connection, so that one that is not read holds up none of the others. */
const CONNECTION_WINDOW_BYTES = 128 * 1024 * 1024;

/**
 * A request that crossed the server's GOAWAY has so long to be answered, in milliseconds. Servers on nghttp2 take no
 * stream after it, also if it names a last one that is far ahead, and say nothing more of it.
 */
const ANSWER_AFTER_GOAWAY_MS = 1_000;

/** The connections of a client, one for each origin. */
export class Connections {
  readonly #options: Http2FetchSettings;
  readonly #sessions = new Map<string, ClientHttp2Session>();
  /** All that are not closed, also those that take no more requests. */
  readonly #open = new Set<ClientHttp2Session>();
  readonly #streams = new WeakMap<ClientHttp2Session, number>();
  /** Streams of a session whose response has not begun. */
  readonly #unanswered = new WeakMap<ClientHttp2Session, Set<ClientHttp2Stream>>();
  /** Streams that were given up, since the server had gone away and did not answer. */
  readonly #givenUp = new WeakSet<ClientHttp2Stream>();
  readonly #sessionOf = new WeakMap<ClientHttp2Stream, ClientHttp2Session>();
  /** The last stream that the server may have processed, as it said when it went away. */
  readonly #lastProcessed = new WeakMap<ClientHttp2Session, number>();
  #closed = false;

  /** @throws TypeError for an option that isn't one, and for one out of bounds */
  constructor(options: Http2FetchOptions) {
    this.#options = readOptions('http2Fetch', options, HTTP2_FETCH_OPTIONS);
  }

  /** Opens a stream; the process is held up only while there are some. */
  request(origin: string, headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const session = this.#get(origin);
    const stream = session.request(headers, { endStream: true });
    const open = (this.#streams.get(session) ?? 0) + 1;
    this.#streams.set(session, open);
    this.#sessionOf.set(stream, session);
    if (open === 1) session.ref();
    const unanswered = this.#unanswered.get(session);
    unanswered?.add(stream);
    stream.once('response', () => unanswered?.delete(stream));
    stream.once('close', () => {
      unanswered?.delete(stream);
      const left = (this.#streams.get(session) ?? 1) - 1;
      this.#streams.set(session, left);
      if (left === 0 && !session.destroyed) session.unref();
    });
    return stream;
  }

  /**
   * Takes no more requests over the connection of one that the server has not processed: it may be sent again, over
   * another (RFC 9113 section 8.7).
   *
   * @returns whether that is so; a connection of a request that failed otherwise stays.
   */
  retire(stream: ClientHttp2Stream): boolean {
    const session = this.#sessionOf.get(stream);
    if (session === undefined) return false;
    const last = this.#lastProcessed.get(session) ?? Infinity;
    const isRefused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || (stream.id ?? 0) > last;
    if (!isRefused && !this.#givenUp.has(stream)) return false;
    this.#forget(session);
    return true;
  }

  /** What is asked for here changes nothing at the server, so that it may be asked for again (RFC 9110 section 9.2.2). */
  #giveUpUnanswered(session: ClientHttp2Session): void {
    const timer = setTimeout(() => {
      for (const stream of this.#unanswered.get(session) ?? []) {
        this.#givenUp.add(stream);
        stream.close(constants.NGHTTP2_CANCEL);
      }
    }, ANSWER_AFTER_GOAWAY_MS);
    session.once('close', () => {
      clearTimeout(timer);
    });
  }

  #forget(session: ClientHttp2Session): void {
    for (const [origin, kept] of this.#sessions) if (kept === session) this.#sessions.delete(origin);
  }

  /** The origin's connection, opened anew when there is none that takes requests. */
  #get(origin: string): ClientHttp2Session {
    if (this.#closed) throw new Error('This HTTP/2 client is closed.');
    const kept = this.#sessions.get(origin);
    if (kept !== undefined && !kept.closed && !kept.destroyed) return kept;
    const session = this.#connect(origin);
    this.#sessions.set(origin, session);
    return session;
  }

  close(): void {
    this.#closed = true;
    for (const session of this.#open) session.destroy();
    this.#sessions.clear();
  }

  #connect(origin: string): ClientHttp2Session {
    const { connect: options, idleTimeoutMs, pingIntervalMs } = this.#options;
    const session = connect(origin, {
      ...options,
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false, ...options.settings },
    });
    this.#open.add(session);
    this.#unanswered.set(session, new Set());
    const forget = (): void => {
      this.#forget(session);
    };
    // Streams under way fail by themselves; without streams there is nobody to tell.
    session.on('error', forget);
    session.on('goaway', (_code, lastStreamId: number) => {
      if (!this.#lastProcessed.has(session)) this.#giveUpUnanswered(session);
      this.#lastProcessed.set(session, lastStreamId);
      forget();
    });
    session.once('connect', () => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
    // Node counts data of streams as activity, and so do we: a connection with open streams is left to the pings.
    const idle = (): void => {
      forget();
      session.close();
    };
    session.setTimeout(idleTimeoutMs, idle);
    const pings = keepAlive(session, pingIntervalMs);
    session.once('close', () => {
      clearInterval(pings);
      this.#open.delete(session);
      forget();
    });
    return session;
  }
}

function keepAlive(session: ClientHttp2Session, intervalMs: number): NodeJS.Timeout {
  let isWaiting = false;
  const timer = setInterval(() => {
    if (session.destroyed) return;
    if (isWaiting) {
      session.destroy(new Error(`The peer did not answer an HTTP/2 ping within ${intervalMs} ms.`));
      return;
    }
    if (session.connecting) return;
    isWaiting = session.ping((error) => {
      isWaiting = error !== null;
    });
  }, intervalMs);
  return timer.unref();
}
