import type {
  BlockHeader,
  BlockSignatures,
  ChainRules,
  CodecRegistry,
  Frame,
  Storage,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { storedLimits } from '../internal/expansion.js';

/** Who may write blocks from a height on. */
export interface ProducerSet {
  /** First height at which these keys and no others may sign. */
  readonly from: number;
  /** Public keys, as blocks spell them. */
  readonly keys: readonly string[];
}

/** In history each block at such a distance is checked by itself. */
const EVERY_BLOCKS = 1024;
/** So far below a peer's head blocks count as near to it. */
const NEAR_HEAD_BLOCKS = 64;

/** From which height on the signature of each block is checked, and not only those that vouch for others. */
export type SignedFrom = () => number;
/** Blocks that vouch for the ones before them are enough. */
export const VOUCHED: SignedFrom = () => Infinity;
/** Each block is checked. */
export const EACH: SignedFrom = () => 0;

/** Where each block is checked on the way to a head. @param head - its height; `null` when nobody says where it is */
export function nearHead(head: number | null): number {
  return head === null ? 0 : head - NEAR_HEAD_BLOCKS;
}

/** What {@link Producers} works with. */
export interface ProducersDeps {
  readonly sets: readonly ProducerSet[];
  readonly signatures: BlockSignatures;
  readonly codecs: CodecRegistry;
}

/**
 * Who may write a chain's blocks. A block that is checked vouches for its ancestors, since its signature covers its
 * parent's hash; so what is stored ends in one that was checked.
 */
export class Producers {
  readonly #deps: ProducersDeps;
  readonly #keys: readonly { readonly from: number; readonly keys: ReadonlySet<string> }[];
  /** The last heights of producers and the first of those that follow. */
  readonly #changes: ReadonlySet<number>;
  /** Frames whose own signature was checked. */
  readonly #checked = new WeakSet<Frame>();

  /** @param deps - the sets have ascending heights; there is at least one. */
  constructor(deps: ProducersDeps) {
    this.#deps = deps;
    this.#keys = deps.sets.map(({ from, keys }) => ({ from, keys: new Set(keys) }));
    this.#changes = new Set(deps.sets.flatMap(({ from }) => [from - 1, from]));
  }

  /**
   * Checks a block's own signature.
   *
   * @throws SyncError `PRODUCER_UNKNOWN`, `SIGNATURE_INVALID`
   */
  check({ height }: BlockHeader, document: Uint8Array): void {
    const allowed = this.#allowedAt(height);
    if (allowed === null) return;
    const producer = this.#deps.signatures.producerOf(document);
    if (producer === null) throw unsigned(height);
    if (!allowed.has(producer)) throw unknown(height, producer);
    if (!this.#deps.signatures.verify(document)) throw wrong(height, producer);
  }

  /**
   * Checks a verified block's own signature where it is due: near the head, at a change of producers, and at regular
   * distances.
   *
   * @throws SyncError `PRODUCER_UNKNOWN`, `SIGNATURE_INVALID`
   */
  checkDue(frame: Frame, document: Uint8Array, signedFrom: SignedFrom): void {
    const { height } = frame.header;
    if (height < signedFrom() && height % EVERY_BLOCKS !== 0 && !this.#changes.has(height)) return;
    this.check(frame.header, document);
    this.#checked.add(frame);
  }

  /**
   * Checks that verified blocks which are about to be stored, in their order, are vouched for: the last one is signed.
   *
   * @throws SyncError `PRODUCER_UNKNOWN`, `SIGNATURE_INVALID`
   */
  vouch(frames: readonly Frame[]): void {
    const last = frames.at(-1);
    if (last === undefined || this.#checked.has(last)) return;
    this.check(last.header, this.#documentOf(last));
    this.#checked.add(last);
  }

  /**
   * Checks that what a store holds is vouched for: its newest block, and those at a change of producers.
   *
   * @throws SyncError `PRODUCER_UNKNOWN`, `SIGNATURE_INVALID`, `STORE_*`
   */
  async checkStored(storage: Pick<Storage, 'checkpoint' | 'get'>): Promise<void> {
    const { base, head } = storage.checkpoint();
    if (head === null) return;
    const changes = [...this.#changes].filter((height) => height >= base && height < head.height);
    for (const height of [head.height, ...changes]) {
      const frame = await storage.get(height);
      if (frame !== null) this.check(frame.header, this.#documentOf(frame));
    }
  }

  /** The producer that a verified block names, when it may write at its height; `null` for any other. Proves nothing. */
  allowedProducerOf({ height }: BlockHeader, document: Uint8Array): string | null {
    const producer = this.#deps.signatures.producerOf(document);
    return producer !== null && this.#allowedAt(height)?.has(producer) === true ? producer : null;
  }

  /**
   * Whether the producer that two verified blocks name has signed both.
   *
   * @param theirs - a peer's block.
   * @throws SyncError `SIGNATURE_INVALID` when that one only looks as if the producer had signed it.
   */
  hasSignedBoth(ours: Uint8Array, theirs: Uint8Array, { height }: BlockHeader): boolean {
    const { signatures } = this.#deps;
    const producer = signatures.producerOf(theirs);
    if (producer === null || signatures.producerOf(ours) !== producer) return false;
    if (!signatures.verify(theirs)) throw wrong(height, producer);
    return signatures.verify(ours);
  }

  /** Whether a block at a height has to be signed. */
  asksAt(height: number): boolean {
    return this.#allowedAt(height) !== null;
  }

  /** `null` where anybody may write. */
  #allowedAt(height: number): ReadonlySet<string> | null {
    return this.#keys.findLast(({ from }) => from <= height)?.keys ?? null;
  }

  #documentOf(frame: Frame): Uint8Array {
    return this.#deps.codecs.get(frame.codec).decode(frame.bytes, storedLimits(frame));
  }
}

/**
 * Who may write the blocks of a chain; `null` when everybody may.
 *
 * @throws SyncError `CHAIN_MISMATCH` when blocks under these rules have no signatures.
 */
export function producersOf(
  sets: readonly ProducerSet[],
  { id, signatures }: ChainRules,
  codecs: CodecRegistry,
): Producers | null {
  if (sets.length === 0) return null;
  if (signatures !== undefined) return new Producers({ sets, signatures, codecs });
  const message = `Blocks of ${id} chains have no signatures, so \`producers\` can't say who may write them.`;
  throw new SyncError('CHAIN_MISMATCH', message);
}

function unsigned(height: number): SyncError {
  return new SyncError('SIGNATURE_INVALID', `Block ${height} is not signed.`, { height });
}

function wrong(height: number, producer: string): SyncError {
  const message = `Block ${height} does not have the signature of ${producer}, which it names as its producer.`;
  return new SyncError('SIGNATURE_INVALID', message, { height });
}

function unknown(height: number, producer: string): SyncError {
  const message = `Block ${height} names the producer ${producer}, which may not write at this height.`;
  return new SyncError('PRODUCER_UNKNOWN', message, { height });
}
