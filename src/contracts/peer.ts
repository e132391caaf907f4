/**
 * The value of a header, or what gives it: called for each request, and once more when the peer answers 401. White space
 * around a value is left out.
 */
export type HeaderValue = string | (() => string | Promise<string>);

/** A server to sync from. */
export interface Peer {
  /** Where the sync router is mounted: `https://node.example/sync`, no slash at the end. */
  readonly url: string;
  /** Sent with every request to this peer (authorization, tenant); never sent to any other origin. */
  readonly headers: Readonly<Record<string, HeaderValue>>;
}
