import type { BlockHeader, BlockRef, ChainRules, Storage } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

const HASH_FORM = /^(?:0x)?[0-9a-fA-F]{64}$/;
/** What chains write in place of a parent that there isn't, where their rules name nothing. */
const NO_PARENT = /^(?:(?:0x)?0+)?$/;

/** Blocks that the host knows by height and hash: nothing else stands in their places. */
export class Pins {
  /** No block is pinned. */
  static readonly none = new Pins([]);

  readonly #hashes: ReadonlyMap<number, string>;
  /** Lowest first. */
  readonly #blocks: readonly BlockRef[];

  /** @param blocks - at most one of each height. */
  constructor(blocks: readonly BlockRef[]) {
    this.#hashes = new Map(blocks.map(({ height, hash }) => [height, hash]));
    this.#blocks = blocks.toSorted((a, b) => a.height - b.height);
    Object.freeze(this);
  }

  /** The hash that is pinned at a height; `null` for none. */
  hashAt(height: number): string | null {
    return this.#hashes.get(height) ?? null;
  }

  /** The pinned blocks below a height, lowest first. */
  below(height: number): readonly BlockRef[] {
    return this.#blocks.filter((block) => block.height < height);
  }

  /** The pinned blocks from one height to another, lowest first. */
  within(from: number, to: number): readonly BlockRef[] {
    return this.#blocks.filter(({ height }) => height >= from && height <= to);
  }

  /** @throws SyncError `CHECKPOINT_MISMATCH` for another block than the one that is pinned at its height. */
  check({ height, hash }: BlockRef): void {
    const pinned = this.hashAt(height);
    if (pinned === null || pinned === hash) return;
    const message = `Block ${height} is ${hash}; the checkpoint for this height is ${pinned}.`;
    throw new SyncError('CHECKPOINT_MISMATCH', message, { height });
  }

  /**
   * Checks a rollback: a pinned block that is held stays, as a final one does.
   *
   * @param to - the height that would be the newest; −1 for none.
   * @throws SyncError `BELOW_FINALIZED`
   */
  checkRollback(to: number, { base, head }: { readonly base: number; readonly head: BlockRef | null }): void {
    const lost = head === null ? undefined : this.within(Math.max(base, to + 1), head.height).at(-1);
    if (lost === undefined) return;
    const message = `A rollback to block ${to} would drop block ${lost.height} ${lost.hash}, which is a checkpoint.`;
    throw new SyncError('BELOW_FINALIZED', message, { height: lost.height });
  }
}

/** Name of a chain, and whether it is the host's word. */
export interface ChainName {
  readonly chainId: string | null;
  readonly isPinned: boolean;
}

/**
 * Checks the first block of a chain against the chain's name: a name with the form of a hash is that of this block. Any
 * other block than one at height 0 with the parent of a first block proves nothing about the name.
 *
 * @throws SyncError `CHECKPOINT_MISMATCH` when the host has given the name; `CHAIN_MISMATCH` when a peer has.
 */
export function checkName(header: BlockHeader, rules: ChainRules, { chainId, isPinned }: ChainName): void {
  if (header.height !== 0 || chainId === null || chainId === header.hash) return;
  if (!HASH_FORM.test(chainId) || !isFirst(header, rules)) return;
  const message = `The chain id ${chainId} is a hash, but the first block is ${header.hash}.`;
  throw new SyncError(isPinned ? 'CHECKPOINT_MISMATCH' : 'CHAIN_MISMATCH', message, { height: 0 });
}

function isFirst({ previousHash }: BlockHeader, { genesisPreviousHash }: ChainRules): boolean {
  return genesisPreviousHash === null ? NO_PARENT.test(previousHash) : previousHash === genesisPreviousHash;
}

/** What a store is checked against when it is opened. */
export interface PinnedChain {
  readonly pins: Pins;
  /** The chain's name when the host has given it. */
  readonly chainId: string | null;
}

/**
 * Checks that a store that is open has the blocks that the host knows. Nothing is changed.
 *
 * @throws SyncError `CHECKPOINT_MISMATCH`
 */
export async function checkPinned(
  storage: Storage,
  rules: ChainRules,
  { pins, chainId }: PinnedChain,
): Promise<void> {
  const { base, head } = storage.checkpoint();
  if (head === null) return;
  for (const { height } of pins.within(base, head.height)) {
    const header = await storage.header(height);
    if (header !== null) pins.check(header);
  }
  const first = base === 0 && chainId !== null ? await storage.header(0) : null;
  if (first !== null) checkName(first, rules, { chainId, isPinned: true });
}
