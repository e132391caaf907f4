import type { SchemaName } from '../../server/descriptions/schemas.js';

/**
 * One thing that the protocol asks of a server, as data. Texts may have names in braces (`{head}`, `{base+1}`, `{value}`,
 * `{1.etag}` for a header of the first answer), which are filled in from what the server says of itself.
 */
export interface ConformanceCase {
  /** Stable and unique: `json-inclusive`. */
  readonly id: string;
  /** Of docs/protocol.md: `2.3`. */
  readonly section: string;
  /** The requirement as a sentence. */
  readonly title: string;
  /** It applies where all of these are so; always by default. */
  readonly when?: readonly Condition[];
  /** The steps are run once with each as `{value}`; once without by default. */
  readonly values?: readonly string[];
  /** In this order; an answer that stays open does so until the last one is there. */
  readonly steps: readonly Step[];
  /** Longest time for all steps, in milliseconds. Default 10,000. */
  readonly withinMs?: number;
}

/** A request, and what may come of it. */
export interface Step {
  /** `GET` by default. */
  readonly method?: 'HEAD';
  /** Path and query below the server's address. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How much of the body is read. To its end by default, which has to come. */
  readonly read?: Reading;
  /** What has to hold, by the status of the answer. Any other status is a failure. */
  readonly answers: Readonly<Record<number, Expected>>;
}

/** Where reading stops before the end. */
export type Reading =
  /** At the first line that begins so, behind one that begins like `after`; the stream stays open. */
  | { readonly untilLine: string; readonly after?: string }
  /** After so many bytes. */
  | { readonly bytes: number };

/** What has to hold of an answer. */
export interface Expected {
  /** Headers, as regular expressions without regard to case; `null` for one that must not be there. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: BodyCheck;
}

/** What has to hold of a body. `from` and `to` are heights, as texts to be filled in. */
export type BodyCheck =
  | { readonly is: 'empty' }
  /** A problem document, with one of the words as its code; any word by default. */
  | {
      readonly is: 'problem';
      readonly codes?: readonly string[];
      readonly has?: 'ancestors' | 'base';
      readonly below?: string;
    }
  | { readonly is: 'shape'; readonly of: SchemaName }
  /** Exactly the documents of a range. */
  | { readonly is: 'documents'; readonly as: 'array' | 'lines'; readonly from: string; readonly to: string }
  | { readonly is: 'frames'; readonly codec: string; readonly from: string; readonly to: string }
  /** An array without an element. */
  | { readonly is: 'no-documents' }
  /** Blocks that are right by the chain's rules, and follow each other. */
  | { readonly is: 'chain'; readonly from: string; readonly to: string }
  /** Events: block by block, then `complete`, where `end` says so. */
  | {
      readonly is: 'events';
      readonly codec: string;
      readonly from: string;
      readonly to: string;
      readonly end: 'complete' | 'any';
    }
  /** `complete` alone, with the head. */
  | { readonly is: 'complete' }
  /** The first byte of the stream begins a comment. */
  | { readonly is: 'comment-first' }
  | { readonly is: 'index' }
  /** The tile that the index names. */
  | { readonly is: 'tile'; readonly codec: 'gzip' | 'zstd' }
  /** Some bytes, the last one included, of the answer of an earlier step, counted from 1. */
  | { readonly is: 'part'; readonly of: number; readonly from: number; readonly to: number }
  | { readonly is: 'manifest' }
  /** The first part that the manifest of the first step names. */
  | { readonly is: 'snapshot-part' };

/** What a case depends on. With a codec behind a colon: where the status names that codec for that use, and it is here. */
export type Condition = keyof typeof CONDITIONS | `${'stream' | 'json' | 'frames'}:${string}`;

/** Why a case does not apply where its condition is not so. */
export const CONDITIONS = {
  service: 'it is a folder of files: the status names no codecs',
  json: 'the status names no codecs of ranges',
  stream: 'the status names no codecs of streams',
  frames: 'the status names no codecs of frames',
  block: 'the chain has no block',
  blocks: 'the chain has fewer than three blocks',
  'above-base': 'the chain begins at height 0',
  'max-range': 'the status names no maxRange, or none that fits above the base',
  waits: 'the status names no maxWaitMs',
  leases: 'the status names no streamLeaseMs',
  final: 'the first blocks are not finalized',
  live: 'no block is above the finalized one',
  rules: 'there are no rules here for this chain',
  snapshot: 'the status names no snapshot',
  tile: 'the status names no tile',
  'tile-line': 'the index could not be read, or names no tile',
  manifest: 'the manifest could not be read',
  'tile-zstd': 'the index names no tile in zstd, or it can not be decoded here',
} as const;
