import type { Closeable } from '../contracts/index.js';
import { Connections } from './connections.js';
import type { Http2FetchOptions } from './options.js';
import { sendRequest } from './request.js';

export type { Http2FetchOptions } from './options.js';

/** A `fetch` with the connections that it holds. */
export interface Http2Fetch extends Closeable {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Cuts off all connections; later calls are rejected. */
  close(): Promise<void>;
}

/**
 * Makes a `fetch` that speaks HTTP/2 only, all requests to an origin over one connection: `https:` by ALPN, `http:` by
 * prior knowledge (RFC 9113 section 3.3). It sends GET and HEAD, without a body, and follows no redirects.
 * A body that the server or the network cut off fails; it never just ends.
 *
 * @throws TypeError for an option that isn't one, and for one out of bounds
 */
export function http2Fetch(options: Http2FetchOptions = {}): Http2Fetch {
  const connections = new Connections(options);
  const send = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    sendRequest(connections, new Request(input, init));
  const close = (): Promise<void> => {
    connections.close();
    return Promise.resolve();
  };
  return Object.assign(send, { close });
}
