import type { IncomingMessage } from 'node:http';

/** Who asks: whatever a host tells its clients apart by. */
export interface Principal {
  /** Its name, for limits, logs and audits: 1 to 256 characters. It must not be a secret. */
  readonly id: string;
  /** Streams that it may have open at once, whatever the number of its addresses; left out, `limits.maxStreamsPerAddress`. */
  readonly maxStreams?: number;
  /** Other answers that it may have open at once; left out, `limits.maxAnswersPerClient`. */
  readonly maxAnswers?: number;
}

/** What `authorize` is told of a request. */
export interface AuthorizeRequest {
  /** Upper case. */
  readonly method: string;
  /** Path below the mount point: `/stream`. */
  readonly path: string;
  /** What the client is counted under while nobody knows who it is: its address, as a rule. */
  readonly client: string;
  /** Node's own request, as for the certificate of a client; `null` where there is none. */
  readonly req: IncomingMessage | null;
  /** Fires when the client has gone, or the answer would come too late. */
  readonly signal: AbortSignal;
  /** Value of a header by lower-case name; `null` when absent. */
  readonly header: (name: string) => string | null;
}

/**
 * Says who asks; `null` for nobody who may read, which is answered 401. Called before anything else is done for a request.
 * What it throws is answered 403 when it is a `SyncError` of the code `FORBIDDEN`, else 500.
 */
export type Authorize = (request: AuthorizeRequest) => Principal | null | Promise<Principal | null>;

/** That somebody was given blocks. */
export interface AuditEntry {
  /** When the request came, as ISO 8601. */
  readonly at: string;
  /** Name of the principal; `null` where nobody is asked who they are. */
  readonly principal: string | null;
  /** What the client is counted under: an address, as a rule. */
  readonly client: string;
  /** `stream`, `json`, `poll` for a range that may wait, `tiles`, `snapshot`, or the name of a host's endpoint. */
  readonly way: string;
  /** First height that was given. */
  readonly from: number;
  /** Last height that was given; of an answer that was cut short, that might have been. */
  readonly to: number;
  /** Of the body, as far as it was handed over. */
  readonly bytes: number;
}
