import type { ClientSessionOptions, SecureClientSessionOptions } from 'node:http2';

/** Options of `http2Fetch`. */
export interface Http2FetchOptions {
  /** What `http2.connect` of Node takes: `ca`, `cert` and `key` of a client, and so on. */
  readonly connect?: ClientSessionOptions | SecureClientSessionOptions;
  /** A connection is pinged so often, and given up when one ping is not answered until the next; in milliseconds. Default 15,000. */
  readonly pingIntervalMs?: number;
  /** A connection without streams is closed after this time, in milliseconds. Default 30,000. */
  readonly idleTimeoutMs?: number;
}
