import type { ClientSessionOptions, SecureClientSessionOptions } from 'node:http2';
import { HTTP2_SESSION_OPTIONS, TLS_OPTIONS } from '../internal/node/http2-options.js';
import {
  boolean,
  duration,
  func,
  integer,
  passedOn,
  type SpecOf,
  type ValuesOf,
  withDefault,
} from '../internal/options/index.js';

/** Options of `http2Fetch`. */
export interface Http2FetchOptions {
  /**
   * What `http2.connect` of Node takes: `ca`, `cert` and `key` of a client, and so on.
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

/** Reads what `http2.connect` takes: what Node does not check itself, or only once it connects. */
const CONNECT_OPTIONS = passedOn<ClientSessionOptions | SecureClientSessionOptions>(
  "an object of options of Node's `http2.connect`",
  {
    ...HTTP2_SESSION_OPTIONS,
    ...TLS_OPTIONS,
    ALPNProtocols: 'checked',
    checkServerIdentity: func(),
    createConnection: func(),
    maxReservedRemoteStreams: integer(),
    protocol: 'checked',
    rejectUnauthorized: boolean(),
    servername: 'checked',
    session: 'checked',
  },
);

/** Readers of the options. */
export const HTTP2_FETCH_OPTIONS = {
  connect: withDefault(CONNECT_OPTIONS, {}),
  pingIntervalMs: withDefault(duration(), 15_000),
  idleTimeoutMs: withDefault(duration(), 30_000),
} satisfies SpecOf<Http2FetchOptions>;

/** Options, checked and with nothing left out. */
export type Http2FetchSettings = ValuesOf<typeof HTTP2_FETCH_OPTIONS>;
