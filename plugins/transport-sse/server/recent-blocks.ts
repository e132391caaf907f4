import type { BlockHeader, BlockRef, ChainChange, Frame } from '../../../src/contracts/index.js';
import { ownBytes } from '../../../src/internal/own-bytes.js';
import { TileFrame } from '../../../src/tiles/tile-frame.js';
import { CHUNK_BYTES } from './format.js';

/** A block at the head: its frame until somebody asks for the event, the event from then on. */
interface Entry {
  readonly header: BlockHeader;
  frame: Frame | null;
  event: Uint8Array | null;
  bytes: number;
}

/** Where a reader of {@link RecentBlocks} stands; a `null` hash fits on any block. */
export interface Cursor {
  readonly height: number;
  readonly hash: string | null;
}

/** Events that come directly after a cursor. */
export interface RecentEvents {
  /** Shared with other readers. Must not be modified. */
  readonly bytes: Uint8Array;
  /** The last block in them. */
  readonly last: BlockRef;
}

/** What an entry costs beside its bytes, about: its objects, its header's hashes and the memory of its bytes. */
const ENTRY_BYTES = 1024;
/** A larger block goes to each reader in pieces, from the source. */
const MAX_ENTRY_BYTES = 1024 * 1024;

/**
 * The blocks at the head of a chain as finished events of one codec: each is encoded once, when the first reader gets
 * to it, and all readers share its memory. A run of heights without a gap, filled by what the source reports.
 */
export class RecentBlocks {
  readonly #format: (frame: Frame) => Uint8Array;
  readonly #maxBytes: number;
  /** By height. */
  readonly #entries = new Map<number, Entry>();
  #first = 0;
  #next = 0;
  #bytes = 0;
  /** Readers at one place get one piece, also of several blocks. */
  #joined: { readonly first: Entry; readonly last: Entry; readonly bytes: Uint8Array } | null = null;

  /** @param maxBytes - bound on what is held; the oldest blocks go first. */
  constructor(format: (frame: Frame) => Uint8Array, maxBytes: number) {
    this.#format = format;
    this.#maxBytes = maxBytes;
  }

  /** The oldest height held; `null` for none. */
  get first(): number | null {
    return this.#entries.size === 0 ? null : this.#first;
  }

  /** Bytes held, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Follows the source. */
  change(change: ChainChange): void {
    if (change.kind === 'rollback') this.#rollback(change.to);
    else for (const frame of change.frames) this.#push(frame);
  }

  /**
   * The events after a cursor, up to a height, as many as go in one chunk.
   *
   * @returns `null` when the next block is not here, is on another branch, or can't be sent: its reader asks the source.
   */
  after(cursor: Cursor, to: number): RecentEvents | null {
    const first = this.#entries.get(cursor.height + 1);
    if (first === undefined || cursor.height >= to) return null;
    if (cursor.hash !== null && first.header.previousHash !== cursor.hash) return null;
    const run = this.#run(first, to);
    const last = run.at(-1);
    if (last === undefined) return null;
    return { bytes: this.#join(run, first, last), last: last.header };
  }

  #push(frame: Frame): void {
    const { header } = frame;
    const newest = this.#entries.get(this.#next - 1);
    const fits = newest?.header.hash === header.previousHash && header.height === this.#next;
    // A node that takes history in tiles while it serves others decodes only what they read.
    const isLate = frame instanceof TileFrame;
    const bytes = (isLate ? frame.documentBytes : frame.bytes.length) + ENTRY_BYTES;
    // Some codecs make much out of little.
    const isLarge = Math.max(bytes, frame.documentBytes) > MAX_ENTRY_BYTES;
    if (!fits || isLarge) this.#clear(header.height);
    if (isLarge) return;
    // As it is reported a frame may be a view of much more: of all that its batch was read in.
    const own = isLate ? frame : { ...frame, bytes: ownBytes(frame.bytes) };
    this.#entries.set(header.height, { header, frame: own, event: null, bytes });
    this.#next = header.height + 1;
    this.#bytes += bytes;
    this.#shrink();
  }

  #rollback(to: BlockRef): void {
    const kept = this.#entries.get(to.height);
    if (kept?.header.hash !== to.hash) {
      this.#clear(to.height + 1);
      return;
    }
    while (this.#next > to.height + 1) this.#drop(--this.#next);
    this.#joined = null;
  }

  #clear(next: number): void {
    this.#entries.clear();
    this.#joined = null;
    this.#bytes = 0;
    this.#first = next;
    this.#next = next;
  }

  #shrink(): void {
    while (this.#bytes > this.#maxBytes) this.#drop(this.#first++);
  }

  #drop(height: number): void {
    this.#bytes -= this.#entries.get(height)?.bytes ?? 0;
    this.#entries.delete(height);
  }

  /** Entries from one on whose events fill a chunk; an event that is larger goes alone. */
  #run(first: Entry, to: number): readonly Entry[] {
    const run: Entry[] = [];
    let bytes = 0;
    for (let entry: Entry | undefined = first; entry !== undefined && entry.header.height <= to;) {
      const event = this.#event(entry);
      if (event === null) break;
      bytes += event.length;
      if (run.length > 0 && bytes > CHUNK_BYTES) break;
      run.push(entry);
      entry = this.#entries.get(entry.header.height + 1);
    }
    this.#shrink();
    return run;
  }

  /** The event of a block; `null` when it can't be sent. The source's reader finds the same, and tells of it. */
  #event(entry: Entry): Uint8Array | null {
    if (entry.frame === null) return entry.event;
    try {
      const event = this.#format(entry.frame);
      const bytes = event.length + ENTRY_BYTES;
      this.#bytes += bytes - entry.bytes;
      Object.assign(entry, { event, frame: null, bytes });
      return event;
    } catch {
      return null;
    }
  }

  #join(run: readonly Entry[], first: Entry, last: Entry): Uint8Array {
    if (first === last && first.event !== null) return first.event;
    if (this.#joined?.first === first && this.#joined.last === last) return this.#joined.bytes;
    const bytes = Buffer.concat(run.flatMap(({ event }) => (event === null ? [] : [event])));
    this.#joined = { first, last, bytes };
    return bytes;
  }
}
