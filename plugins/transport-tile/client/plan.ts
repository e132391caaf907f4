import type { PeerTiles, StreamRequest, TileEntry, TransportDeps } from '../../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { MAX_TILE_BYTES } from '../../../src/tiles/cut.js';
import { PAGE_HEIGHTS } from '../../../src/tiles/name.js';
import { mayBeCached } from './file.js';
import { readPage } from './page.js';
import type { Sources } from './sources.js';
import type { PlannedTile } from './tile-file.js';

/** While fewer tiles than this are left to be begun, the next page is read. */
const READ_AHEAD = 64;

/** What a plan works with. */
export interface PlanSetup {
  readonly deps: TransportDeps;
  readonly request: StreamRequest;
  /** What the asked peer has. */
  readonly tiles: PeerTiles;
  readonly sources: Sources;
  readonly signal: AbortSignal;
  /** Called when there is more to take, or the plan has ended. */
  readonly onChange: () => void;
  /** Takes on work that goes on beside; what it fails with. */
  readonly spawn: (work: Promise<void>) => void;
}

/** What a page has of what is wanted. */
interface Page {
  readonly entries: readonly TileEntry[];
  readonly failure: Error | null;
}

/** Which tiles are fetched, in order, as the asked peer's index names them: page by page, and the tail at the end. */
export class Plan {
  readonly #setup: PlanSetup;
  /** Last height that is taken from the index. */
  readonly #last: number;
  #tiles: PlannedTile[] = [];
  /** How many of them were taken. */
  #taken = 0;
  /** First height that no page read so far has. */
  #height: number;
  #isReading = false;
  #isEnded = false;
  #failure: Error | null = null;

  constructor(setup: PlanSetup) {
    const { tiles, request } = setup;
    this.#setup = setup;
    this.#height = request.from;
    const lastIndexed = tiles.tail === null ? tiles.to : Math.min(tiles.to, tiles.tail.from - 1);
    this.#last = Math.min(lastIndexed, request.to ?? Infinity);
    checkBounds(tiles, request);
    this.#goOn();
  }

  /** The next tile; `null` when it is not known yet, or there is none. */
  get next(): PlannedTile | null {
    return this.#tiles[this.#taken] ?? null;
  }

  /** Whether all is taken. @throws what it failed with, once all before that is taken */
  get isEnded(): boolean {
    if (this.next !== null) return false;
    if (this.#failure !== null) throw this.#failure;
    return this.#isEnded;
  }

  /** The next tile is taken. */
  shift(): void {
    this.#taken++;
    if (this.#taken < this.#tiles.length - READ_AHEAD) return;
    this.#tiles = this.#tiles.slice(this.#taken);
    this.#taken = 0;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#isReading || this.#isEnded || this.#failure !== null) return;
    if (this.#height > this.#last) this.#end();
    else {
      this.#isReading = true;
      this.#setup.spawn(this.#read());
    }
  }

  #end(): void {
    const { request, tiles, sources } = this.#setup;
    this.#isEnded = true;
    const { tail } = tiles;
    if (tail === null || tail.from > (request.to ?? Infinity)) return;
    sources.compareTail(tail);
    this.#add([tail], true);
  }

  async #read(): Promise<void> {
    const { deps, sources, signal, onChange, spawn } = this.#setup;
    const first = Math.floor(this.#height / PAGE_HEIGHTS) * PAGE_HEIGHTS;
    let page = await this.#page(first, false);
    if (isOld(page.failure)) page = await this.#page(first, true);
    const { entries, failure } = page;
    this.#height = (entries.at(-1)?.to ?? this.#height - 1) + 1;
    this.#add(entries, false);
    this.#failure ??= failure;
    if (entries.length > 0) spawn(sources.compare(deps, first, entries, signal).then(onChange));
    this.#isReading = false;
    if (this.#tiles.length - this.#taken < READ_AHEAD) this.#goOn();
    onChange();
  }

  /** Reads a page, from the tile on that has the height where the plan stands. One that has less than it should is a failure. */
  async #page(first: number, isFresh: boolean): Promise<Page> {
    const { deps, request, signal } = this.#setup;
    const entries: TileEntry[] = [];
    const from = this.#height;
    const take = (entry: TileEntry): void => {
      if (entry.to >= from && entry.from <= this.#last) entries.push(entry);
    };
    try {
      await readPage(deps, { peer: request.peer, first, isFresh }, take, signal);
    } catch (error) {
      return { entries: [], failure: error as Error };
    }
    const [begin] = entries;
    if (begin === undefined || begin.from > from) return { entries: [], failure: missing(from) };
    const next = (entries.at(-1) ?? begin).to + 1;
    const isShort = next <= this.#last && next < first + PAGE_HEIGHTS;
    return { entries, failure: isShort ? missing(next) : null };
  }

  #add(entries: readonly TileEntry[], isTail: boolean): void {
    const { maxBlockBytes } = this.#setup.deps.limits;
    const most = Math.max(MAX_TILE_BYTES, maxBlockBytes + 1);
    for (const entry of entries) {
      if (entry.documentBytes > most) {
        this.#failure = tooLarge(entry, most);
        return;
      }
      this.#tiles.push({ entry, isTail });
    }
  }
}

function checkBounds({ from, to, tail }: PeerTiles, request: StreamRequest): void {
  const first = Math.min(from, tail?.from ?? from);
  if (request.from < first) {
    const message = `The peer's tiles begin at ${first}; block ${request.from} was asked for.`;
    throw new SyncError('BELOW_BASE', message, { height: request.from, base: first });
  }
  const last = Math.max(to, tail?.to ?? to);
  // The peer may have had more when its status was looked at.
  if (request.from > last) {
    const message = `The peer's tiles end at ${last}; block ${request.from} was asked for.`;
    throw new SyncError('STREAM_TRUNCATED', message, { height: request.from });
  }
}

/** Whether a page is false, or has less than it should, which may be so in a cache on the way only. */
function isOld(failure: Error | null): boolean {
  return mayBeCached(failure) || isSyncError(failure, 'STREAM_TRUNCATED');
}

/** The chain of the peer may have changed between two of its answers, which no peer is to be blamed for. */
function missing(height: number): SyncError {
  const message = `The index of the peer's tiles has no tile with block ${height}, which its status names.`;
  return new SyncError('STREAM_TRUNCATED', message, { height });
}

function tooLarge({ from, documentBytes }: TileEntry, most: number): SyncError {
  const message = `The block has ${documentBytes - 1} bytes, more than the ${most - 1} that \`limits.maxBlockBytes\` allows.`;
  return new SyncError('BLOCK_TOO_LARGE', message, { height: from });
}
