import type {
  BlockHeader,
  BlockRange,
  BlockRef,
  ChainRules,
  CodecRegistry,
  Frame,
  TileValidators,
  ValidatorStep,
  VerifiedTile,
  WireFrame,
} from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { ValidatorCarry } from '../internal/validators.js';
import type { ChainTally } from './chain-tally.js';
import { lendDocument } from './lend-document.js';
import { encodedFrames, framesOf, type TileBlocks, type TilePolicy, wholeOf } from './linked-tile.js';
import { checkLink, type AppendPoint, nextHeight } from '../internal/links.js';
import { type ChainName, checkName, type Pins } from './pins.js';
import type { Producers, SignedFrom } from './producers.js';
import type { StorageEncoding } from './storage-encoding.js';
import type { StoredValidators } from './stored-validators.js';

/** Dependencies of a {@link Verifier}. */
export interface VerifierDeps {
  readonly rules: ChainRules;
  readonly codecs: CodecRegistry;
  readonly encoding: StorageEncoding;
  readonly pins: Pins;
  /** Who may write blocks; `null` when anybody may. */
  readonly producers: Producers | null;
  /** From which height on each block's own signature is checked. */
  readonly signedFrom: SignedFrom;
  /** Of the chain, as far as it has one before its first block. */
  readonly name: ChainName;
  /** Largest decoded block, in bytes. */
  readonly maxBlockBytes: number;
  /** How tiles are taken; `null` where none are. */
  readonly tiles: TilePolicy | null;
  readonly tally: ChainTally;
  /** Which validators blocks have left; `null` where only the first block's are asked for. */
  readonly validators?: StoredValidators | null;
}

/**
 * Turns bytes from outside into frames that may be stored: decoded within bounds, well formed, hash recomputed,
 * linked to the block before. The order of the calls is the order of the chain.
 */
export class Verifier {
  readonly #deps: VerifierDeps;
  readonly #carry: ValidatorCarry;
  #appendPoint: AppendPoint;

  constructor(deps: VerifierDeps, point: AppendPoint) {
    this.#deps = deps;
    const { rules, validators = null } = deps;
    this.#carry = new ValidatorCarry(rules, point.head === null ? null : validators?.leftBy(point.head));
    this.#appendPoint = point;
  }

  /** The point that the next block is appended at. */
  get appendPoint(): AppendPoint {
    return this.#appendPoint;
  }

  /**
   * Verifies a block as it came over the wire. Bytes in a codec of ours are kept as they are.
   *
   * @returns `null` for an exact repeat of the newest block, which a plain server may send when a stream is resumed.
   * @throws SyncError naming the height
   */
  wireFrame(item: WireFrame): Frame | null {
    const claimed = item.height ?? nextHeight(this.#appendPoint);
    try {
      return this.#deps.tally.takesTime() ? this.#timedFrame(item) : this.#frame(item);
    } catch (error) {
      throw located(
        isSyncError(error, 'CODEC_OUTPUT_TOO_LARGE') ? this.#tooLarge(null, error) : error,
        claimed,
      );
    }
  }

  #frame(item: WireFrame): Frame | null {
    const codec = this.#deps.codecs.get(item.codec);
    return lendDocument(codec, item, this.#deps.maxBlockBytes, (document) =>
      this.#isRepeat(item, document) ? null : this.#accept(document, item),
    );
  }

  #timedFrame(item: WireFrame): Frame | null {
    const { codecs, maxBlockBytes, tally } = this.#deps;
    const startedMs = performance.now();
    let decodedMs = startedMs;
    const frame = lendDocument(codecs.get(item.codec), item, maxBlockBytes, (document) => {
      decodedMs = performance.now();
      return this.#isRepeat(item, document) ? null : this.#accept(document, item);
    });
    tally.decode.add(decodedMs - startedMs);
    tally.verify.add(performance.now() - decodedMs);
    return frame;
  }

  /**
   * Verifies a document that was submitted here, and encodes it for the store.
   *
   * @throws SyncError naming the height
   */
  document(document: Uint8Array): Frame {
    try {
      this.#checkSize(document);
      return this.#accept(document, null);
    } catch (error) {
      throw located(error, nextHeight(this.#appendPoint));
    }
  }

  /**
   * Links a tile that was checked by itself, and takes the blocks in it that are missing here. Where one of them is not that
   * which is pinned, or not signed by a producer, those before it are taken all the same, as from a peer that sends them one
   * by one.
   *
   * @param to - last height wanted; `null` for all.
   * @throws TypeError for a tile that nothing of this chain has checked
   * @throws SyncError naming the height
   */
  tile(tile: VerifiedTile, to: number | null): TileBlocks {
    const { tiles, rules, encoding } = this.#deps;
    if (tiles?.checked.has(tile) !== true) throw new TypeError('A tile was not checked by its own.');
    const from = nextHeight(this.#appendPoint);
    const last = Math.min(tile.to, to ?? tile.to);
    try {
      this.#checkPlace(tile, { from, to: last });
      const { frames: raw, failure } = this.#accepted(framesOf(tile, { from, to: last }), tile);
      const head = raw.at(-1)?.header;
      if (head === undefined) throw failure ?? new TypeError('A tile has no block that is wanted.');
      const frames = tiles.areKept ? raw : encodedFrames(raw, encoding);
      this.#appendPoint = { head, base: this.#appendPoint.base };
      return { frames, tile: wholeOf(tile, frames, rules), failure };
    } catch (error) {
      throw located(error, from);
    }
  }

  #note(hash: string): void {
    this.#deps.validators?.note(hash, this.#carry.left);
  }

  /** Checks the place of the blocks that are wanted of a tile. */
  #checkPlace(tile: VerifiedTile, { from, to }: BlockRange): void {
    const { rules, name } = this.#deps;
    const first = tile.headers[Math.max(0, from - tile.from)] ?? tile.headers.at(-1);
    const head = tile.headers[to - tile.from];
    if (first === undefined || head === undefined) throw new TypeError('A tile has no block that is wanted.');
    checkLink(first, this.#appendPoint, rules);
    checkName(first, rules, name);
  }

  /** @param frames - raw. @returns those before the first that is refused, and why it is. */
  #accepted(frames: readonly Frame[], { validators }: VerifiedTile): Pick<TileBlocks, 'frames' | 'failure'> {
    const { pins, producers, signedFrom } = this.#deps;
    const steps = stepsFrom(validators ?? [], frames[0]?.header.height ?? 0);
    for (const [index, frame] of frames.entries()) {
      const { header } = frame;
      try {
        pins.check(header);
        if (producers !== null) producers.checkDue(frame, frame.bytes, signedFrom);
        if (steps.at(-1)?.height === header.height) this.#carry.takeStep(steps.pop() as ValidatorStep);
        this.#note(header.hash);
      } catch (error) {
        if (!isSyncError(error)) throw error;
        return { frames: frames.slice(0, index), failure: error.at({ height: header.height }) };
      }
    }
    return { frames, failure: null };
  }

  #accept(document: Uint8Array, item: WireFrame | null): Frame {
    const verified = this.#deps.rules.verify(document, null);
    const header = shareHash(verified, this.#appendPoint.head);
    if (item !== null && item.height !== null && item.height !== header.height) {
      throw new SyncError('HEIGHT_MISMATCH', `The peer sent block ${header.height} as block ${item.height}.`);
    }
    const { rules, pins, name, producers, signedFrom } = this.#deps;
    checkLink(header, this.#appendPoint, rules);
    pins.check(header);
    checkName(header, rules, name);
    const { codec, bytes } = this.#deps.encoding.encode(document, item);
    const frame = { header, codec, bytes, documentBytes: document.byteLength };
    if (producers !== null) producers.checkDue(frame, document, signedFrom);
    this.#carry.take(verified, () => document);
    this.#note(header.hash);
    this.#appendPoint = { head: header, base: this.#appendPoint.base };
    return frame;
  }

  #isRepeat(item: WireFrame, document: Uint8Array): boolean {
    const { head } = this.#appendPoint;
    if (head === null || (item.height !== null && item.height !== head.height)) return false;
    const header = this.#deps.rules.describe(document);
    return header.height === head.height && this.#deps.rules.verify(document, null).hash === head.hash;
  }

  #checkSize(document: Uint8Array): void {
    const { maxBlockBytes } = this.#deps;
    if (document.byteLength > maxBlockBytes) throw this.#tooLarge(document.byteLength, undefined);
  }

  /** @param bytes - of the block; `null` when it was not decoded so far. */
  #tooLarge(bytes: number | null, cause: unknown): SyncError {
    const { maxBlockBytes } = this.#deps;
    const size = bytes === null ? '' : `${bytes} bytes, `;
    const message = `The block has ${size}more than the ${maxBlockBytes} that \`limits.maxBlockBytes\` allows.`;
    return new SyncError('BLOCK_TOO_LARGE', message, { cause });
  }
}

/** The same header; the parent's hash is in memory once, however many headers are held. */
function shareHash(header: BlockHeader, head: BlockRef | null): BlockHeader {
  if (head?.hash !== header.previousHash) return header;
  const { height, hash, timestamp } = header;
  return { height, hash, previousHash: head.hash, timestamp };
}

function located(error: unknown, height: number): unknown {
  return isSyncError(error) ? error.at({ height }) : error;
}

/** The steps of a tile from a height on, the last one first, and at that height one in any case. */
function stepsFrom(all: TileValidators, from: number): ValidatorStep[] {
  const first = all.findLast(({ height }) => height <= from);
  const steps = all.filter(({ height }) => height > from).reverse();
  if (first === undefined) return steps;
  const { height, validators, nextValidators = validators } = first;
  // What those between have below them is what they have themselves.
  const same = nextValidators === undefined ? { height: from } : { height: from, validators: nextValidators };
  return [...steps, height === from ? first : same];
}
