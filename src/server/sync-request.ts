import type { IncomingMessage } from 'node:http';
import type { EndpointRequest } from '../contracts/index.js';
import type { Principal } from './access/types.js';

/** A request with the key that its client's streams and answers are counted under: an address, or what the host tells clients by. */
export type SyncRequest = EndpointRequest & {
  readonly clientKey: string;
  /** Node's own request, for `authorize`; absent where there is none. */
  readonly req?: IncomingMessage;
  /** Who asks, once that is known: the server finds it out by `authorize`. */
  readonly principal?: Principal;
};

/** What a client is counted under: who it is, wherever it asks from, or else its address. */
export function keyOf({ principal, clientKey }: Pick<SyncRequest, 'principal' | 'clientKey'>): string {
  return principal === undefined ? clientKey : `principal ${principal.id}`;
}
