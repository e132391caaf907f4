import { createHash } from 'node:crypto';
import type { BlockSource, Tile } from '../../../src/contracts/index.js';
import { raceAbort } from '../../../src/internal/abort.js';
import { PAGE_HEIGHTS } from '../../../src/tiles/name.js';
import { entryLine } from '../../../src/tiles/entry.js';

/** The index of a page as it is sent. */
export interface IndexPage {
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** Whether it stays as it is: all its heights are in tiles, and final. */
  readonly isFinal: boolean;
}

type Tiles = NonNullable<BlockSource['tiles']>;

/** A page that is being made, or waits for that. */
interface Making {
  readonly page: Promise<IndexPage | null>;
  /** Requests that wait for it. */
  waiting: number;
}

/**
 * Makes pages one after the other, each once for all who wait for it: of a chain of large blocks one has up to 65,536
 * lines, which take tens of megabytes and most of a second to make.
 */
export class Pages {
  readonly #make: (first: number) => Promise<IndexPage | null>;
  readonly #making = new Map<number, Making>();
  #before: Promise<unknown> = Promise.resolve();

  constructor(source: Pick<BlockSource, 'tip'>, tiles: Pick<Tiles, 'list'>) {
    this.#make = (first) => indexPage(source, tiles, first);
  }

  /** The index of the page that begins at a height; `null` when there is no tile in it. @throws SyncError `ABORTED` */
  async get(first: number, signal: AbortSignal): Promise<IndexPage | null> {
    const making = this.#making.get(first) ?? this.#add(first);
    making.waiting += 1;
    try {
      return await raceAbort(making.page, signal);
    } finally {
      making.waiting -= 1;
    }
  }

  #add(first: number): Making {
    const page = this.#before.then(async () => {
      try {
        // Those who asked may have gone.
        return making.waiting === 0 ? null : await this.#make(first);
      } finally {
        this.#making.delete(first);
      }
    });
    // Not the page itself, which nobody may need any more.
    this.#before = page.then(
      () => undefined,
      () => undefined,
    );
    const making: Making = { page, waiting: 0 };
    this.#making.set(first, making);
    return making;
  }
}

/** Makes the index of the page that begins at a height; `null` when there is no tile in it. */
export async function indexPage(
  source: Pick<BlockSource, 'tip'>,
  tiles: Pick<Tiles, 'list'>,
  first: number,
): Promise<IndexPage | null> {
  // Before the tiles: what is final now can't be gone when they are read.
  const { finalized } = source.tip();
  const last = first + PAGE_HEIGHTS - 1;
  const listed = behindLastHole(await tiles.list({ from: first, to: last }));
  if (listed.length === 0) return null;
  const bytes = Buffer.from(listed.map(entryLine).join(''));
  return {
    bytes,
    etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`,
    isFinal: finalized !== null && finalized.height >= last && isFull(listed, first, last),
  };
}

/** A page has no hole in it; tiles below one are in none. */
function behindLastHole(tiles: readonly Tile[]): readonly Tile[] {
  const at = tiles.findLastIndex(({ from }, index) => index > 0 && from !== (tiles[index - 1]?.to ?? 0) + 1);
  return tiles.slice(Math.max(at, 0));
}

/** Whether tiles without a hole have all heights of a page; a chain may begin at 1. */
function isFull(tiles: readonly Tile[], first: number, last: number): boolean {
  const from = tiles[0]?.from;
  return (from === first || (first === 0 && from === 1)) && tiles.at(-1)?.to === last;
}
