import type { Span } from './span.js';

/** How a document is scanned. */
export interface ScanOptions {
  /** Greatest number of nested arrays and objects, the top-level object included. */
  readonly maxDepth: number;
  /** Top-level names to record. Without it all are, which takes memory in proportion to their number. */
  readonly names?: readonly string[];
}

/** What a scan found. */
export interface Document {
  readonly bytes: Uint8Array;
  /** The top-level object, without white space around it. */
  readonly span: Span;
  /** Number of top-level members, recorded or not. */
  readonly count: number;
  /** Raw value of each recorded top-level member, by unescaped name; the first one where a name occurs again. */
  readonly members: ReadonlyMap<string, Span>;
  /** Recorded names that occur more than once, each with the offset where it does so first. */
  readonly duplicates: ReadonlyMap<string, number>;
}
