import type { EndpointRequest } from '../contracts/index.js';

/** A request with the key that its client's streams and answers are counted under: an address, or what the host tells clients by. */
export type SyncRequest = EndpointRequest & { readonly clientKey: string };
