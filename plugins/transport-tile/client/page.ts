import type { Peer, TileEntry, TransportDeps } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { ByteRope } from '../../../src/internal/byte-rope.js';
import { parseJsonObject } from '../../../src/internal/http/shape.js';
import { asTileEntry } from '../../../src/internal/http/tile-entry.js';
import { ClaimedCut } from '../../../src/tiles/claimed-cut.js';
import { INDEX_NAME, PAGE_HEIGHTS, pagePath } from '../../../src/tiles/name.js';
import { readFile } from './file.js';

const MAX_PAGE_BYTES = 16 * 1024 * 1024;
/** A hash of 256 characters may be written with 6 bytes for each. */
const MAX_LINE_BYTES = 2_048;
const LINE_FEED = 0x0a;

/** Which page of a peer's index is wanted. */
export interface PageRequest {
  readonly peer: Peer;
  /** First height of the page. */
  readonly first: number;
  /** Whether no cache may answer. */
  readonly isFresh: boolean;
}

/**
 * Reads a page of a peer's index and checks that it has such tiles as the rule cuts. What it says of them is not proved by
 * that.
 *
 * @param onEntry - called with each tile in order, as the lines come.
 * @throws SyncError `PROTOCOL_VIOLATION`, `STREAM_*`, `PEER_*`, `ABORTED`
 */
export async function readPage(
  deps: TransportDeps,
  { peer, first, isFresh }: PageRequest,
  onEntry: (entry: TileEntry) => void,
  signal: AbortSignal,
): Promise<void> {
  const path = pagePath(first);
  const target = `/tiles/${path}/${INDEX_NAME}`;
  const what = `page ${path} of its index of tiles`;
  const request = { peer, target, what, from: first, maxBytes: MAX_PAGE_BYTES, isFresh };
  const lines = new PageLines(first, onEntry);
  for await (const { bytes } of readFile(deps, request, signal)) lines.push(bytes);
  lines.end();
}

/** The lines of a page. As the tiles follow each other inside the page, there are no more of them than it has heights. */
class PageLines {
  readonly #first: number;
  readonly #onEntry: (entry: TileEntry) => void;
  readonly #cut = new ClaimedCut();
  readonly #held = new ByteRope();
  #heldBytes = 0;

  constructor(first: number, onEntry: (entry: TileEntry) => void) {
    this.#first = first;
    this.#onEntry = onEntry;
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#hold(chunk.subarray(start, end));
      this.#line(this.#held.take());
      this.#heldBytes = 0;
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  end(): void {
    if (this.#heldBytes === 0) return;
    throw new SyncError('STREAM_TRUNCATED', 'A page of the index of tiles ends in the middle of a line.');
  }

  #hold(piece: Uint8Array): void {
    this.#heldBytes += piece.byteLength;
    if (this.#heldBytes > MAX_LINE_BYTES) throw wrong(`a line has more than ${MAX_LINE_BYTES} bytes`);
    this.#held.append(piece);
  }

  #line(line: Uint8Array): void {
    const entry = asTileEntry(parseJsonObject(line));
    if (entry === null) throw wrong('a line is not valid');
    if (entry.from < this.#first || entry.from >= this.#first + PAGE_HEIGHTS)
      throw wrong(`tile ${entry.from}–${entry.to} is of another page`);
    this.#cut.add(entry);
    this.#onEntry(entry);
  }
}

function wrong(what: string): SyncError {
  return new SyncError('PROTOCOL_VIOLATION', `A page of the index of tiles breaks the protocol: ${what}.`);
}
