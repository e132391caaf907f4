import type { ChainRules, Closeable, Codec, TileEntry } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { raceAbort } from '../internal/abort.js';
import { LinkedAbort } from '../internal/linked-abort.js';
import { WriteQueue } from '../internal/write-queue.js';
import type { TileChecks } from '../tiles/check-blocks.js';
import { Turns } from '../tiles/pace.js';
import { type CheckedTile, checkTile } from '../tiles/verify.js';

/** A tile to check. */
export interface Order {
  readonly entry: TileEntry;
  readonly body: Uint8Array;
  /** What the body is in; `null` for gzip. */
  readonly codec: Codec | null;
}

/** What tiles are checked by. */
export interface TileRules {
  readonly rules: ChainRules;
  /** Largest block, in bytes. */
  readonly maxBlockBytes: number;
}

/** Checks tiles on the thread that calls it, one after the other, in turns of a few milliseconds. */
export class TilesHere implements Closeable {
  readonly #checks: TileChecks;
  /** The first that came is done first. */
  readonly #queue = new WriteQueue();
  readonly #aborts = new Set<LinkedAbort>();

  constructor({ rules, maxBlockBytes }: TileRules) {
    this.#checks = { rules, maxBlockBytes };
  }

  /** @throws SyncError as `VerifyTile` */
  async check({ entry, body, codec }: Order, signal: AbortSignal | undefined): Promise<CheckedTile> {
    const abort = new LinkedAbort(signal);
    this.#aborts.add(abort);
    try {
      const turns = new Turns(abort.signal);
      const checking = this.#queue.run(async () => {
        await turns.next();
        return checkTile(this.#checks, entry, body, turns, codec);
      });
      return await raceAbort(checking, abort.signal);
    } finally {
      this.#aborts.delete(abort);
      abort.release();
    }
  }

  /** Calls off what is under way. */
  stop(): void {
    for (const abort of this.#aborts) abort.abort(closed());
  }

  async close(): Promise<void> {
    this.stop();
    await this.#queue.idle();
  }
}

/** The error for a tile that comes too late. */
export function closed(): SyncError {
  return new SyncError('ABORTED', 'The verification of tiles was closed.');
}
