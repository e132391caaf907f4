import type { BlockRange } from '../contracts/index.js';

/** An answer of an endpoint has begun: of a stream, a range, a tile, a snapshot. It has nothing of a block's content. */
export interface OpenedEvent {
  /** `stream`, `json`, `poll` for a range that may wait, `tiles`, `snapshot`, or the name of a host's endpoint. */
  readonly way: string;
  readonly method: string;
  /** Below the mount point, without the query, which may have a secret in it. */
  readonly path: string;
  readonly status: number;
  /** What the client is counted under: an address, or what the host tells clients by. */
  readonly client: string;
  /** Name of whom `authorize` has found; `null` where nobody is asked who they are. */
  readonly principal: string | null;
  /** First height that was asked for, as it was written; `null` when none was named. */
  readonly from: string | null;
  /** Last height that was asked for, as it was written; `null` when none was named. */
  readonly to: string | null;
}

/** An answer that is over. */
export interface AnswerEvent extends OpenedEvent {
  /** First and last height that were given; `null` when none were, as by an index or a manifest. */
  readonly heights: BlockRange | null;
  /** Of the body, as far as it was handed over. */
  readonly bytes: number;
  readonly durationMs: number;
}

/** Something happened at a server. */
export type ServerEvent =
  /** A stream has begun. */
  | ({ readonly type: 'opened' } & OpenedEvent)
  /** An answer is over, whoever ended it. */
  | ({ readonly type: 'answered' } & AnswerEvent)
  /** A request was answered with an error. */
  | {
      readonly type: 'refused';
      readonly method: string;
      readonly path: string;
      readonly status: number;
      readonly code: string;
      readonly client: string;
      /** Name of whom `authorize` has found; `null` where nobody is asked who they are, and for whom it does not know. */
      readonly principal: string | null;
    }
  /** A client was cut off that took nothing for too long. */
  | { readonly type: 'evicted'; readonly path: string; readonly client: string }
  /** A failure that clients are told nothing about. */
  | { readonly type: 'failed'; readonly error: unknown };
