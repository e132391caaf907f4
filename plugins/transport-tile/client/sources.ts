import type {
  Peer,
  PeerTiles,
  StreamRequest,
  TileEntry,
  TransportDeps,
} from '../../../src/contracts/index.js';
import { isSyncError, type SyncError } from '../../../src/errors/index.js';
import { mayBeCached } from './file.js';
import { readPage } from './page.js';
import { Source } from './source.js';
import { isSameTile } from './tile-file.js';

/** The peers of one download: which one to ask next, and which ones no more. */
export class Sources {
  readonly asked: Source;
  readonly #others: readonly Source[];
  readonly #onFailure: StreamRequest['onPeerFailure'];

  constructor({ peer, acceptCodecs: codecs, others = [], onPeerFailure }: StreamRequest, tiles: PeerTiles) {
    this.asked = new Source({ peer, tiles, asked: true, codecs });
    this.#onFailure = onPeerFailure;
    const more = onPeerFailure === undefined ? [] : others;
    this.#others = more.flatMap((other) => {
      const { peer: from, status } = other;
      return status.tiles === null
        ? []
        : [new Source({ peer: from, tiles: status.tiles, asked: false, codecs })];
    });
  }

  /** A peer that may be asked in this download; `null` for any other. */
  of({ url }: Peer): Source | null {
    return [this.asked, ...this.#others].find(({ peer, out }) => peer.url === url && out === null) ?? null;
  }

  /** The peer to ask for a tile now; `null` when none should be. */
  next(entry: TileEntry): Source | null {
    const free = this.#having(entry).filter(({ isFree }) => isFree);
    return best(free.filter(({ isResting }) => !isResting)) ?? best(free);
  }

  /** The peer that may bring a tile faster than one that takes too long: that one again only where no other can soon. */
  instead(slow: Source, entry: TileEntry): Source | null {
    const having = this.#having(entry);
    const others = having.filter((source) => source !== slow);
    const other = best(others.filter(({ isFree }) => isFree));
    if (other !== null || others.some(({ isWaiting }) => isWaiting)) return other;
    return having.includes(slow) ? slow : null;
  }

  /** Why nobody brings a tile any more; `null` while somebody may. */
  whyNone(entry: TileEntry): SyncError | null {
    return this.#having(entry).length > 0 ? null : this.asked.out;
  }

  /** A peer is not to be asked any more. @returns why, also where it was for another reason before */
  fail(source: Source, error: SyncError): SyncError {
    if (source.out !== null) return source.out;
    source.out = error.at({ peer: source.peer.url });
    if (!source.asked) this.#onFailure?.(source.peer, source.out);
    return source.out;
  }

  /** A tile is not needed any more. */
  forget(entry: TileEntry): void {
    for (const source of this.#others) source.forget(entry);
  }

  /** Notes who of the others names the same tail as the asked peer does. */
  compareTail(tail: TileEntry): void {
    for (const source of this.#others) {
      const { tail: own } = source.tiles;
      if (own !== null && isSameTile(own, tail)) source.shares(own);
    }
  }

  /**
   * Reads the page of each of the others and notes which tiles it names as the asked peer's does. Where they differ, either of
   * them is wrong: which one, only tiles tell.
   *
   * @param entries - of the asked peer's page.
   */
  async compare(
    deps: TransportDeps,
    first: number,
    entries: readonly TileEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    const wanted = new Map(entries.map((entry) => [entry.from, entry]));
    const from = entries[0]?.from ?? Infinity;
    const to = entries.at(-1)?.to ?? -Infinity;
    const able = this.#others.filter(
      ({ out, tiles }) => out === null && tiles.from <= to && tiles.to >= from,
    );
    const compareOne = async (source: Source): Promise<void> => {
      const note = (entry: TileEntry): void => {
        const same = wanted.get(entry.from);
        if (same !== undefined && isSameTile(same, entry)) source.shares(entry);
      };
      const read = (isFresh: boolean): Promise<void> =>
        readPage(deps, { peer: source.peer, first, isFresh }, note, signal);
      try {
        await read(false).catch((error: unknown) => {
          if (!mayBeCached(error)) throw error;
          return read(true);
        });
      } catch (error) {
        if (!isSyncError(error)) throw error;
        if (!signal.aborted) this.fail(source, error);
      }
    };
    await Promise.all(able.map(compareOne));
  }

  #having(entry: TileEntry): readonly Source[] {
    return [this.asked, ...this.#others].filter((source) => source.has(entry));
  }
}

/** Idle ones first, then the one that would be done with another tile first. */
function best(sources: readonly Source[]): Source | null {
  let found: Source | null = null;
  for (const source of sources) if (found === null || isBetter(source, found)) found = source;
  return found;
}

function isBetter(source: Source, than: Source): boolean {
  if ((source.busy === 0) !== (than.busy === 0)) return source.busy === 0;
  // One that was never measured is taken to be as fast as the one it is compared with.
  const rate = source.rate ?? than.rate ?? 1;
  return (source.busy + 1) * (than.rate ?? rate) < (than.busy + 1) * rate;
}
