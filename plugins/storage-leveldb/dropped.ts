import type { BlockRef, Frame, StateChange } from '../../src/contracts/index.js';
import type { Contents } from './database.js';
import type { Reader } from './reader.js';
import type { BlockInfo } from './records.js';
import { rangeOf, type Run } from './runs.js';
import type { Place } from './segment-files.js';
import type { BlockHead } from './tile-heads.js';
import { type CutInput, intervalStart } from './tile-plan.js';
import { headsInTile } from './tile-reads.js';

/** What a rollback drops, and what that does to the rest. */
export interface Dropped {
  /** Newest first. */
  readonly dropped: readonly BlockRef[];
  /** As many as dropped blocks that changed the state, newest first. */
  readonly undo: readonly (readonly StateChange[])[];
  /** First heights of the runs that go, in order. */
  readonly runs: readonly number[];
  /** What stays of a run of frames that is cut. */
  readonly cut: readonly BlockInfo[];
  /**
   * Blocks that stay, and become frames again: only a dropped block had decided their tile. They have no more bytes
   * than a tile, because without the dropped blocks they are undecided.
   */
  readonly restored: readonly { readonly head: BlockHead; readonly frame: Frame }[];
  /** Places that no longer count. */
  readonly free: { readonly frames: readonly Place[]; readonly tiles: readonly Place[] };
  /** What is left, for the cut, from the start of the interval on. */
  readonly rest: readonly CutInput[];
}

/** What goes with the blocks from a height on, and what takes their changes back. @throws SyncError `STORE_DAMAGED` */
export async function collectFrom(contents: Contents, reader: Reader, from: number): Promise<Dropped> {
  const collection = new Collection(contents, reader, from);
  const range = { from: intervalStart(from), to: Number.MAX_SAFE_INTEGER };
  for await (const run of reader.runs(range, {})) await collection.add(run);
  return collection.result();
}

class Collection {
  readonly #contents: Contents;
  readonly #reader: Reader;
  readonly #from: number;
  readonly #dropped: BlockRef[] = [];
  readonly #undo: (readonly StateChange[])[] = [];
  readonly #runs: number[] = [];
  readonly #restored: BlockHead[] = [];
  readonly #frames: Place[] = [];
  readonly #tiles: Place[] = [];
  readonly #rest: CutInput[] = [];
  #cut: readonly BlockInfo[] = [];
  /** Whether blocks below the dropped ones become frames again: then all behind them are written anew, in their order. */
  #restores = false;

  constructor(contents: Contents, reader: Reader, from: number) {
    this.#contents = contents;
    this.#reader = reader;
    this.#from = from;
  }

  async add(run: Run): Promise<void> {
    const { from, to } = rangeOf(run);
    if (run.kind === 'tile') {
      const { tile } = run;
      if (tile.decidedAt < this.#from) {
        this.#rest.push({ kind: 'tile', from, to });
        return;
      }
      this.#restores ||= from < this.#from;
      this.#runs.push(from);
      this.#tiles.push(tile.place);
      await this.#take(await headsInTile(this.#contents, tile));
      return;
    }
    const { blocks } = run;
    if (to >= this.#from || this.#restores) {
      this.#runs.push(from);
      const kept = blocks.filter(({ header }) => header.height < this.#from);
      const going = this.#restores ? blocks : blocks.slice(kept.length);
      this.#frames.push(...going.map(({ place }) => place));
      if (!this.#restores && kept.length > 0) this.#cut = kept;
    }
    await this.#take(blocks);
  }

  async result(): Promise<Dropped> {
    return {
      dropped: this.#dropped.reverse(),
      undo: this.#undo.reverse(),
      runs: this.#runs,
      cut: this.#cut,
      restored: await this.#readRestored(),
      free: { frames: this.#frames, tiles: this.#tiles },
      rest: this.#rest,
    };
  }

  async #take(heads: readonly BlockHead[]): Promise<void> {
    const start = intervalStart(this.#from);
    for (const head of heads) {
      const { height, hash } = head.header;
      if (height >= this.#from) {
        this.#dropped.push({ height, hash });
        if (head.changes > 0) this.#undo.push(await this.#reader.undo(height));
      } else {
        if (height >= start) this.#rest.push({ kind: 'block', height, documentBytes: head.documentBytes });
        if (this.#restores) this.#restored.push(head);
      }
    }
  }

  async #readRestored(): Promise<Dropped['restored']> {
    const from = this.#restored[0]?.header.height;
    if (from === undefined) return [];
    const restored: { head: BlockHead; frame: Frame }[] = [];
    for await (const frames of this.#reader.frames({ from, to: this.#from - 1 }, {}))
      for (const frame of frames) {
        const head = this.#restored[restored.length];
        if (head !== undefined) restored.push({ head, frame });
      }
    return restored;
  }
}
