import type { BlockHeader, BlockRange, ChainRules } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { type AppendPoint, checkLink, nextHeight } from '../internal/links.js';
import { LINE_FEED } from './body.js';
import type { Pace } from './pace.js';

/** What a tile is checked with. */
export interface TileChecks {
  readonly rules: ChainRules;
  /** Largest block, in bytes. */
  readonly maxBlockBytes: number;
}

/** Blocks that follow each other, in columns: a thread hands over a few large pieces sooner than many small ones. */
export interface BlockColumns {
  /** Hash of the block below the first. */
  readonly previousHash: string;
  readonly hashes: readonly string[];
  readonly timestamps: readonly (number | null)[];
  /** Of the documents, without line feeds. */
  readonly lengths: readonly number[];
}

/** After so many bytes it is looked whether others should have their turn. */
const STEP_BYTES = 16 * 1024;

/**
 * Checks documents, each with its line feed: each block by the rules, its height, and that it follows the one before.
 *
 * @param range - the heights. There may be fewer blocks.
 * @throws SyncError `BLOCK_MALFORMED`, `BLOCK_TOO_LARGE`, `HASH_MISMATCH`, `HEIGHT_MISMATCH`, `HEIGHT_GAP`, `PARENT_MISMATCH`,
 *   `GENESIS_MISMATCH`; `CODEC_CORRUPT` for a last line that does not end; `TILE_MISMATCH` for more blocks than heights.
 */
export async function checkBlocks(
  checks: TileChecks,
  range: BlockRange,
  documents: Buffer,
  pace: Pace,
): Promise<BlockColumns> {
  const lines = new BlockLines(checks, range, documents);
  while (!lines.isAtEnd) {
    lines.take(STEP_BYTES);
    if (pace.isDue) await pace.next();
  }
  return lines.columns;
}

class BlockLines {
  readonly #checks: TileChecks;
  readonly #range: BlockRange;
  readonly #documents: Buffer;
  readonly #hashes: string[] = [];
  readonly #timestamps: (number | null)[] = [];
  readonly #lengths: number[] = [];
  #previousHash = '';
  #point: AppendPoint;
  #start = 0;

  constructor(checks: TileChecks, range: BlockRange, documents: Buffer) {
    this.#checks = checks;
    this.#range = range;
    this.#documents = documents;
    this.#point = { head: null, base: range.from };
  }

  get isAtEnd(): boolean {
    return this.#start >= this.#documents.byteLength;
  }

  get columns(): BlockColumns {
    return {
      previousHash: this.#previousHash,
      hashes: this.#hashes,
      timestamps: this.#timestamps,
      lengths: this.#lengths,
    };
  }

  /** Checks the next blocks, until so many bytes were checked. */
  take(bytes: number): void {
    const until = Math.min(this.#start + bytes, this.#documents.byteLength);
    while (this.#start < until) this.#takeOne();
  }

  #takeOne(): void {
    const due = nextHeight(this.#point);
    if (due > this.#range.to) throw tooMany(this.#range);
    const start = this.#start;
    const end = this.#documents.indexOf(LINE_FEED, start);
    try {
      this.#add(this.#check(start, end), end - start);
    } catch (error) {
      throw isSyncError(error) ? error.at({ height: due }) : error;
    }
    this.#start = end + 1;
  }

  #check(start: number, end: number): BlockHeader {
    if (end < 0) throw new SyncError('CODEC_CORRUPT', "A tile's last document has no line feed.");
    if (end === start) throw new SyncError('BLOCK_MALFORMED', 'A tile has an empty line.');
    const { rules, maxBlockBytes } = this.#checks;
    if (end - start > maxBlockBytes) throw tooLarge(end - start, maxBlockBytes);
    const header = rules.verify(this.#documents.subarray(start, end), null);
    checkLink(header, this.#point, rules);
    return header;
  }

  #add(header: BlockHeader, length: number): void {
    if (this.#hashes.length === 0) this.#previousHash = header.previousHash;
    this.#hashes.push(header.hash);
    this.#timestamps.push(header.timestamp);
    this.#lengths.push(length);
    this.#point = { head: header, base: this.#range.from };
  }
}

/** The error for a block that is larger than this node takes. @param bytes - `null` when it was not decoded */
export function tooLarge(bytes: number | null, maxBlockBytes: number): SyncError {
  const size = bytes === null ? '' : `${bytes} bytes, `;
  const message = `The block has ${size}more than the ${maxBlockBytes} that \`limits.maxBlockBytes\` allows.`;
  return new SyncError('BLOCK_TOO_LARGE', message);
}

function tooMany({ from, to }: BlockRange): SyncError {
  const message = `Tile ${from}–${to} has more than ${to - from + 1} blocks.`;
  return new SyncError('TILE_MISMATCH', message, { height: to });
}
