import type { ClientSessionOptions, SecureClientSessionOptions } from 'node:http2';
import {
  duration,
  isObject,
  type Reader,
  type SpecOf,
  unfit,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';

/** Options of `http2Fetch`. */
export interface Http2FetchOptions {
  /**
   * What `http2.connect` of Node takes, and checks: `ca`, `cert` and `key` of a client, and so on.
   *
   * @defaultValue `{}`
   */
  readonly connect?: ClientSessionOptions | SecureClientSessionOptions;
  /**
   * A connection is pinged so often, and given up when one ping is not answered until the next; in milliseconds.
   *
   * @defaultValue 15,000
   */
  readonly pingIntervalMs?: number;
  /**
   * A connection without streams is closed after this time, in milliseconds.
   *
   * @defaultValue 30,000
   */
  readonly idleTimeoutMs?: number;
}

/** Readers of the options. */
export const HTTP2_FETCH_OPTIONS = {
  connect: withDefault(connectOptions(), {}),
  pingIntervalMs: withDefault(duration(), 15_000),
  idleTimeoutMs: withDefault(duration(), 30_000),
} satisfies SpecOf<Http2FetchOptions>;

/** Options, checked and with nothing left out. */
export type Http2FetchSettings = ValuesOf<typeof HTTP2_FETCH_OPTIONS>;

/** Node's own options are many, and grow: they are copied as they are. */
function connectOptions(): Reader<ClientSessionOptions | SecureClientSessionOptions> {
  const expects = "an object of options of Node's `http2.connect`";
  return {
    expects,
    read(value, where) {
      if (!isObject(value)) throw unfit(where, expects, value);
      return { ...value };
    },
  };
}
