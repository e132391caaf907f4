import type { BlockHeader, BlockRef } from './block.js';
import type { BlockSigner } from './signature.js';

/** Reads and checks the signatures in blocks of one kind of chain. Pure and synchronous, as {@link ChainRules} are. */
export interface BlockSignatures {
  /**
   * The public key of the producer that a document names; `null` when it isn't in the one form of a signed block. Proves
   * nothing.
   *
   * @param document - one that {@link ChainRules.verify} has taken.
   */
  producerOf(document: Uint8Array): string | null;
  /** Whether the producer that a document names has signed it. False, never an error, for any other document. */
  verify(document: Uint8Array): boolean;
}

/**
 * What {@link ChainRules} can prove of a block, each word where all blocks that pass have it proved:
 *
 * - `document`: every byte, by the block's hash
 * - `header`: the hash is recomputed from the header's members
 * - `links`: height and parent are read and fit; true of all rules
 * - `transactions`, `withdrawals`, `uncles`: whatever of them the document holds in full is what the header's roots say
 * - `seals`: signatures of the block's makers, enough of them for its own list of validators
 * - `validators`: that list is the one configured, or follows from the block below
 *
 * Rules of a host may use words of their own.
 */
export type ProvedPart =
  | 'document'
  | 'header'
  | 'links'
  | 'transactions'
  | 'withdrawals'
  | 'uncles'
  | 'seals'
  | 'validators'
  | (string & Record<never, never>);

/**
 * How it is known who made a block:
 *
 * - `pinned`: signed by keys that this node's configuration names
 * - `carried`: signed by those who follow, block by block, from the first validators: those that the configuration names, or
 *   else those of the first block
 * - `self-declared`: signed by keys that the block itself names: somebody has them, nobody says who
 * - `none`: nothing is signed, or nothing is checked
 */
export type Authorship = 'pinned' | 'carried' | 'self-declared' | 'none';

/** A block as its rules describe it. */
export interface DescribedBlock extends BlockHeader {
  /**
   * The validators who may make this block, as it states them: any text that is equal exactly when they are the same. It
   * must be what the block below left, unless {@link ChainRules.carrying} decides. Absent where it states none.
   */
  readonly validators?: string;
  /** Those who may make the next block, where the block says so. Absent: `validators`. */
  readonly nextValidators?: string;
}

/** What a block says of those who make blocks. */
export interface ValidatorStep extends Pick<DescribedBlock, 'validators' | 'nextValidators'> {
  readonly height: number;
  /** What else counts, as a vote, or who has made it: text of the rules' own. Absent for nothing. */
  readonly ballot?: string;
}

/**
 * Carries the validators of a chain from block to block, where more decides than two equal texts: votes that are counted, or
 * whose turn it is. Pure and synchronous, as {@link ChainRules} are: what is carried is in the values that it returns.
 */
export interface ValidatorCarrying {
  /**
   * Reads a block's step. Neighbours without a ballot whose validators are the same texts make no difference: {@link
   * ValidatorCarrying.take} is called for the first of them only.
   *
   * @param document - one that {@link ChainRules.verify} has taken, if only when it was stored.
   */
  read(document: Uint8Array): ValidatorStep;
  /**
   * The height to begin at to know what the blocks from a block on leave: nothing below counts any more.
   *
   * @param document - of that block.
   */
  startOf(document: Uint8Array): number;
  /**
   * Checks that a block is made by those whom the blocks below have left, and says what it leaves in turn.
   *
   * @param left - what this returned for the block below; `null` for the first block of a store, `undefined` where nobody
   *   knows: for the first one of a tile, and of a run from {@link ValidatorCarrying.startOf} on.
   * @returns what nobody else looks into, and nothing changes; the same object where it is the same.
   * @throws SyncError `VALIDATORS_CHANGED`, `SIGNATURE_INVALID`
   */
  take(step: ValidatorStep, left: object | null | undefined): object;
}

/** Where a new block goes. */
export interface BlockPlace {
  readonly height: number;
  /** Hash of the block before it; at height 0 what the rules have there. */
  readonly previousHash: string;
}

/** How a block is made of a record. */
export interface MakingOptions {
  /** Who signs it; `null` for a block without a signature. */
  readonly signer: BlockSigner | null;
  /** Name of the member that each record goes in as; `null` leaves it to the rules. */
  readonly wrap: string | null;
}

/** Makes blocks of records, for rules whose blocks a node can write by itself. It keeps nothing between calls. */
export interface BlockMaking {
  /**
   * Makes the block that has a record at a place. The record's bytes stand in the document as they are.
   *
   * @param record - one JSON object in UTF-8.
   * @throws SyncError `BLOCK_MALFORMED` for what can't go into a block; what the signer fails of.
   */
  make(record: Uint8Array, place: BlockPlace, options: MakingOptions): Uint8Array | Promise<Uint8Array>;
  /**
   * Whether a block is the one that is made of a record at its place, whoever has signed it.
   *
   * @param document - one that {@link ChainRules.verify} has taken.
   */
  isOf(document: Uint8Array, record: Uint8Array, options: Pick<MakingOptions, 'wrap'>): boolean;
}

/** Blocks that lie behind each other and were all verified. */
export interface VerifiedRun {
  readonly headers: readonly BlockHeader[];
  /** Length of each document, without its line feed. */
  readonly documentLengths: readonly number[];
}

/**
 * Rules of one kind of chain: how to read a block's place from its bytes and how to check its hash
 * (protocol section 1). Pure and synchronous: no I/O, no state between calls, so that it can run in a worker.
 *
 * Links between blocks (contiguous heights, `previousHash`) are checked by the engine, not here.
 */
export interface ChainRules {
  /** Full name with its arguments, as a status document states it: `sealed-json`, `linked:number,hash,parentHash`. */
  readonly id: string;
  /** Whether `verify` recomputes the hash from the bytes. `false`: the hash is only a label. */
  readonly selfCertifying: boolean;
  /**
   * Whether the hash covers all bytes of a document, or only what they mean or a part of them: then two documents may have
   * one hash. Absent counts as `part`.
   */
  readonly covers?: 'document' | 'part';
  /**
   * What `verify` proves of a block that it takes, as these rules are configured. Absent counts as `['links']`.
   *
   * What is not named is not proved, even where the hash is right: a peer may have changed it.
   */
  readonly proves?: readonly ProvedPart[];
  /** How these rules know who made a block, as they are configured. Absent counts as `none`. */
  readonly authorship?: Authorship;
  /** How validators are carried; left out by rules that have none, or whose blocks state those of the next one. */
  readonly carrying?: ValidatorCarrying;
  /** What the block at height 0 must state as its parent; `null` when anything may stand there. */
  readonly genesisPreviousHash: string | null;
  /** Signatures in blocks; left out by rules whose blocks have none, so that nobody can say who may write them. */
  readonly signatures?: BlockSignatures;
  /** Makes blocks; left out by rules whose blocks come from elsewhere, so that nothing is produced by them. */
  readonly making?: BlockMaking;
  /**
   * Reads the header and checks that the bytes are one well-formed document of this chain, without checking the hash.
   *
   * @throws SyncError `BLOCK_MALFORMED`
   */
  describe(document: Uint8Array): DescribedBlock;
  /**
   * Does what `describe` does and checks everything the document proves about itself.
   *
   * @param expected - where the caller expects this block; `null` when any place will do.
   * @throws SyncError `BLOCK_MALFORMED`, `HASH_MISMATCH`, `HEIGHT_MISMATCH`; where seals are checked `SIGNATURE_INVALID`,
   *   `VALIDATORS_CHANGED`
   */
  verify(document: Uint8Array, expected: Partial<BlockRef> | null): DescribedBlock;
  /**
   * Does what `verify` does at any place, for many documents at once and in less time. Left out by rules that have no quicker
   * way.
   *
   * @param documents - behind each other, each with its line feed. The sizes at which it is quickest are tens to hundreds
   *   of kilobytes, or one large document.
   * @returns `null` where it does not say that all are in order: then `verify` decides on each, and says what is wrong.
   */
  verifyRun?(documents: Uint8Array): VerifiedRun | null;
}
