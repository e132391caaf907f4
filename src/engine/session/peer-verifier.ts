import type {
  BlockRef,
  Frame,
  PeerStatus,
  VerifiedTile,
  WireFrame,
  WireItem,
} from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import type { TileBlocks } from '../../chain/linked-tile.js';
import { type AppendPoint, nextHeight } from '../../internal/links.js';
import { nearHead } from '../../chain/producers.js';
import type { Verifier } from '../../chain/verifier.js';
import { isDone } from './claims.js';

/** What verifying a peer's blocks works with. */
export interface PeerVerifierDeps {
  readonly chain: Chain;
  /** What the peer said of itself; `null` for a plain server. */
  readonly status: PeerStatus | null;
}

/** Verifies the blocks that a peer sends, one after the other. */
export class PeerVerifier {
  readonly #deps: PeerVerifierDeps;
  readonly #isLive: () => boolean;
  #verifier: Verifier;

  /** @param isLive - whether blocks come as they are made: then, as near the peer's head, each one's own signature is checked. */
  constructor(deps: PeerVerifierDeps, isLive: () => boolean) {
    this.#deps = deps;
    this.#isLive = isLive;
    this.#verifier = this.#verifierAt(deps.chain.appendPoint);
  }

  /** The newest verified block of the peer's chain; `null` before the first one. */
  get head(): BlockRef | null {
    return this.#verifier.appendPoint.head;
  }

  /** Height of the block that comes next. */
  get nextHeight(): number {
    return nextHeight(this.#verifier.appendPoint);
  }

  /** Goes on from a verified block, of our chain or of the peer's. */
  async restart(head: BlockRef): Promise<void> {
    this.#verifier = await this.#verifierAfter(head);
  }

  /**
   * Verifies the next block.
   *
   * @returns `null` for the newest one, repeated.
   * @throws SyncError as {@link Verifier.wireFrame} does
   */
  frame(item: WireFrame): Frame | null {
    return this.#verifier.wireFrame(item);
  }

  /**
   * Links a tile to the newest block, and takes those in it that come next. Which tiles follow each other is said by the
   * index of the peer that was asked, whoever sent them.
   *
   * @param to - last height wanted; `null` for all.
   */
  tile(tile: VerifiedTile, to: number | null): TileBlocks {
    return this.#verifier.tile(tile, to);
  }

  /** Verifies blocks by themselves, from the one after `after` up to a height; `head` stays. */
  async range(
    answer: AsyncIterable<readonly WireItem[]>,
    after: BlockRef,
    to: number,
  ): Promise<readonly Frame[]> {
    const verifier = await this.#verifierAfter(after);
    const frames: Frame[] = [];
    for await (const items of answer) {
      for (const item of items) {
        if (isDone(verifier.appendPoint.head, to)) continue;
        if (item.kind === 'tile') {
          const taken = verifier.tile(item.tile, to);
          if (taken.failure !== null) throw taken.failure;
          frames.push(...taken.frames);
        }
        const frame = item.kind === 'frame' ? verifier.wireFrame(item) : null;
        if (frame !== null) frames.push(frame);
      }
      if (isDone(verifier.appendPoint.head, to)) break;
    }
    return frames;
  }

  async #verifierAfter(head: BlockRef): Promise<Verifier> {
    await this.#deps.chain.knowValidators(head);
    return this.#verifierAt({ head, base: this.#deps.chain.tip().base });
  }

  #verifierAt(point: AppendPoint): Verifier {
    const { chain, status } = this.#deps;
    const near = nearHead(status?.head?.height ?? null);
    return chain.verifier(point, () => (this.#isLive() ? 0 : near));
  }
}
