import { quickView } from '#platform/bytes';
import type {
  BlockRange,
  ChainRules,
  DescribedBlock,
  TileValidators,
  ValidatorStep,
} from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { type AppendPoint, checkLink, nextHeight } from '../internal/links.js';
import { ValidatorCarry } from '../internal/validators.js';
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
  /** What the blocks say of those who make them; `null` where the rules read none. */
  readonly validators: TileValidators | null;
}

/** After so many bytes it is looked whether others should have their turn. */
const STEP_BYTES = 16 * 1024;

/** So many bytes are given to rules that check several blocks at once. */
const RUN_BYTES = 64 * 1024;

const NO_DOCUMENTS = new Uint8Array(0);

/** Checks blocks that follow each other: each by the rules, its height, and that it follows the one before. */
export class BlockCheck {
  readonly #checks: TileChecks;
  readonly #range: BlockRange;
  readonly #hashes: string[] = [];
  readonly #timestamps: (number | null)[] = [];
  readonly #lengths: number[] = [];
  readonly #carry: ValidatorCarry;
  readonly #steps: ValidatorStep[] = [];
  #previousHash = '';
  #point: AppendPoint;
  #documents: Uint8Array = NO_DOCUMENTS;
  #start = 0;

  /** @param range - the heights. There may be fewer blocks. */
  constructor(checks: TileChecks, range: BlockRange) {
    this.#checks = checks;
    this.#range = range;
    this.#carry = new ValidatorCarry(checks.rules, undefined);
    this.#point = { head: null, base: range.from };
  }

  /** What was found. */
  get columns(): BlockColumns {
    return {
      previousHash: this.#previousHash,
      hashes: this.#hashes,
      timestamps: this.#timestamps,
      lengths: this.#lengths,
      validators: this.#steps.length === 0 ? null : this.#steps,
    };
  }

  /**
   * Checks the next documents, each with its line feed. They are not held after that.
   *
   * @throws SyncError `BLOCK_MALFORMED`, `BLOCK_TOO_LARGE`, `HASH_MISMATCH`, `HEIGHT_MISMATCH`, `HEIGHT_GAP`, `PARENT_MISMATCH`,
   *   `GENESIS_MISMATCH`, `SIGNATURE_INVALID`, `VALIDATORS_CHANGED`; `CODEC_CORRUPT` for a last line that does not end; `TILE_MISMATCH` for more blocks than heights.
   */
  async take(documents: Uint8Array, pace: Pace): Promise<void> {
    this.#documents = quickView(documents);
    this.#start = 0;
    while (this.#start < documents.byteLength) {
      this.#step();
      if (pace.isDue) await pace.next();
    }
    this.#documents = NO_DOCUMENTS;
  }

  #step(): void {
    const { rules } = this.#checks;
    const end = this.#endOf(rules.verifyRun === undefined ? STEP_BYTES : RUN_BYTES);
    if (this.#takeRun(end)) return;
    while (this.#start < end) this.#takeOne(this.#documents.indexOf(LINE_FEED, this.#start), null);
  }

  /** Where the last one of the next blocks ends that are so many bytes together, or a larger one. */
  #endOf(bytes: number): number {
    const most = this.#start + bytes;
    if (most >= this.#documents.byteLength) return this.#documents.byteLength;
    const last = this.#documents.lastIndexOf(LINE_FEED, most - 1);
    if (last >= this.#start) return last + 1;
    const next = this.#documents.indexOf(LINE_FEED, most);
    return next < 0 ? this.#documents.byteLength : next + 1;
  }

  /** Checks the blocks up to a position at once; `false` when that does not show that all are in order. */
  #takeRun(end: number): boolean {
    const { rules, maxBlockBytes } = this.#checks;
    if (end - this.#start > Math.max(RUN_BYTES, maxBlockBytes + 1)) return false;
    const run = rules.verifyRun?.(this.#documents.subarray(this.#start, end)) ?? null;
    if (run === null) return false;
    let block = 0;
    for (const header of run.headers)
      this.#takeOne(this.#start + (run.documentLengths[block++] ?? 0), header);
    return true;
  }

  /** @param verified - what the rules have found in the block already; `null` to ask them. */
  #takeOne(end: number, verified: DescribedBlock | null): void {
    const due = nextHeight(this.#point);
    if (due > this.#range.to) throw tooMany(this.#range);
    const start = this.#start;
    try {
      this.#add(this.#check(start, end, verified), end - start);
    } catch (error) {
      throw isSyncError(error) ? error.at({ height: due }) : error;
    }
    this.#start = end + 1;
  }

  #check(start: number, end: number, verified: DescribedBlock | null): DescribedBlock {
    if (end < 0) throw new SyncError('CODEC_CORRUPT', "A tile's last document has no line feed.");
    if (end === start) throw new SyncError('BLOCK_MALFORMED', 'A tile has an empty line.');
    const { rules, maxBlockBytes } = this.#checks;
    if (end - start > maxBlockBytes) throw tooLarge(end - start, maxBlockBytes);
    const header = verified ?? rules.verify(this.#documents.subarray(start, end), null);
    checkLink(header, this.#point, rules);
    const step = this.#carry.take(header, () => this.#documents.subarray(start, end));
    if (step !== null) this.#steps.push(step);
    return header;
  }

  #add(header: DescribedBlock, length: number): void {
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
