import type { BlockRef, Frame, StateChange } from '../../src/contracts/index.js';
import type { Contents } from './database.js';
import type { Reader } from './reader.js';
import type { BlockInfo } from './records.js';
import type { Run } from './runs.js';
import { type Place, type PlaceSum, sumPlaces } from './segment-files.js';
import type { BlockHead } from '../../src/tiles/heads.js';
import { type CutInput, intervalStart } from '../../src/tiles/plan.js';
import { headsInTile } from './tile-reads.js';
import type { TileRecord } from './tile-record.js';

/** A block that becomes a frame again. */
export interface RestoredBlock {
  readonly head: BlockHead;
  readonly frame: Frame;
}

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
  /** What stays of a tile that is cut: it becomes frames again. */
  readonly restored: readonly RestoredBlock[];
  /** Tiles all of whose blocks stay, but which only a dropped block had decided. */
  readonly undecided: readonly TileRecord[];
  /** Places that no longer count. */
  readonly free: { readonly frames: readonly PlaceSum[]; readonly tiles: readonly PlaceSum[] };
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
  readonly #undecided: TileRecord[] = [];
  readonly #frames: Place[] = [];
  readonly #tiles: Place[] = [];
  readonly #rest: CutInput[] = [];
  #cut: readonly BlockInfo[] = [];
  #restored: readonly BlockHead[] = [];

  constructor(contents: Contents, reader: Reader, from: number) {
    this.#contents = contents;
    this.#reader = reader;
    this.#from = from;
  }

  add(run: Run): Promise<void> {
    return run.kind === 'tile' ? this.#addTile(run.tile) : this.#addFrames(run.blocks);
  }

  async #addTile(tile: TileRecord): Promise<void> {
    const { from, to, decidedAt } = tile;
    if (decidedAt !== null && decidedAt < this.#from) {
      this.#rest.push({ kind: 'tile', from, to });
      return;
    }
    const heads = await headsInTile(this.#contents, tile);
    if (to >= this.#from) {
      this.#runs.push(from);
      this.#tiles.push(tile.place);
      if (from < this.#from) this.#restored = heads.slice(0, this.#from - from);
    } else if (decidedAt !== null) this.#undecided.push(tile);
    await this.#take(heads);
  }

  async #addFrames(blocks: readonly BlockInfo[]): Promise<void> {
    const going = blocks.filter(({ header }) => header.height >= this.#from);
    const [first] = blocks;
    if (first !== undefined && going.length > 0) {
      this.#runs.push(first.header.height);
      this.#frames.push(...going.map(({ place }) => place));
      if (going.length < blocks.length) this.#cut = blocks.slice(0, blocks.length - going.length);
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
      undecided: this.#undecided,
      free: { frames: sumPlaces(this.#frames), tiles: sumPlaces(this.#tiles) },
      rest: this.#rest,
    };
  }

  async #take(heads: readonly BlockHead[]): Promise<void> {
    const start = intervalStart(this.#from);
    for (const { header, documentBytes, changes } of heads) {
      const { height, hash } = header;
      if (height >= this.#from) {
        this.#dropped.push({ height, hash });
        if (changes > 0) this.#undo.push(await this.#reader.undo(height));
      } else if (height >= start) this.#rest.push({ kind: 'block', height, documentBytes });
    }
  }

  async #readRestored(): Promise<readonly RestoredBlock[]> {
    const from = this.#restored[0]?.header.height;
    if (from === undefined) return [];
    const restored: RestoredBlock[] = [];
    for await (const frames of this.#reader.frames({ from, to: this.#from - 1 }, {}))
      for (const frame of frames) {
        const head = this.#restored[restored.length];
        if (head !== undefined) restored.push({ head, frame });
      }
    return restored;
  }
}
