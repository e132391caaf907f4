import type { IncomingMessage } from 'node:http';
import { addressKey } from './client-address.js';
import { func, type SpecOf, withDefault } from '../internal/options/index.js';
import { SERVER_OPTIONS, type SyncServerConfig } from './plan.js';

/**
 * What the middleware reads of a request. Express's own request is one; the middleware is typed without Express, so
 * that it fits the types of version 4 and 5 and needs neither installed.
 */
export type SyncMiddlewareRequest = IncomingMessage & {
  /** The client's address as the app sees it. */
  readonly ip?: string | undefined;
};

/** Options of `syncMiddleware`. */
export interface SyncMiddlewareOptions extends SyncServerConfig {
  /**
   * The key that a client's streams and answers are counted under: its address, or what else tells it from others, such
   * as a tenant.
   *
   * @defaultValue `req.ip`, which respects the app's `trust proxy`; of an IPv6 address its network of 64 bits
   */
  clientKey?(req: SyncMiddlewareRequest): string;
}

/** Readers of the middleware's options. */
export const MIDDLEWARE_OPTIONS = {
  ...SERVER_OPTIONS,
  clientKey: withDefault(func<(req: SyncMiddlewareRequest) => string>(), addressOf),
} satisfies SpecOf<SyncMiddlewareOptions>;

/** What a client is counted under, where the host says nothing else. */
export function addressOf(req: SyncMiddlewareRequest): string {
  return addressKey(req.ip ?? req.socket.remoteAddress);
}
