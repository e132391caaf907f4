import type { BlockHeader } from './block.js';

/** The tables that a chain's state consists of. */
export type StateTable = 'accounts' | 'contracts';

/**
 * The tables that a store keeps: those of the state, and `produced`, the node's own note of what it was asked to produce by
 * which idempotency key. It is no part of the state: no snapshot has it, and no transition sees it. Blocks change it and a
 * rollback takes that back, as with the others.
 */
export type StoreTable = StateTable | 'produced';

/** One value of the state: a JSON value in UTF-8, kept byte for byte. */
export interface StateEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** One change of the tables made by a block. */
export interface StateChange {
  readonly table: StoreTable;
  readonly key: string;
  /** The new value; `null` removes the key. */
  readonly value: Uint8Array | null;
  /** The value that it replaces, `null` for none, where that is known: a store need not look. Absent where it is not. */
  readonly before?: Uint8Array | null;
}

/** A verified block as a {@link StateTransition} sees it. */
export interface StateBlock extends BlockHeader {
  /** The document, UTF-8, exactly as it was submitted. Must not be modified. */
  readonly bytes: Uint8Array;
  /** The document as text. */
  text(): string;
  /** The document parsed; parsed anew by every call. */
  json(): unknown;
}

/**
 * One table of the state while a block changes it.
 *
 * Keys are well-formed strings of 1 to 1,024 bytes of UTF-8. Values are JSON, at most 16 MiB and 60 levels deep. Reads
 * see what the block and those before it have changed. Every member fails with a `TypeError` for a key or a value that
 * can't be kept, and once the call of `apply` that it was given to has ended.
 */
export interface MutableStateTable {
  /** The value of a key, parsed anew by every call; `null` when the key isn't set. */
  get(key: string): Promise<unknown>;
  /** The bytes of a value; `null` when the key isn't set. Must not be modified. */
  getBytes(key: string): Promise<Uint8Array | null>;
  /**
   * Sets a key to what `JSON.stringify` makes of a value. Whatever that would drop or change is refused: `undefined`
   * and functions at any depth, `NaN`, infinities, bigints, instances of classes, strings with half a surrogate pair.
   */
  put(key: string, value: unknown): void;
  /** Sets a key to bytes that are one JSON value on one line, without white space around it. They are copied. */
  putBytes(key: string, bytes: Uint8Array): void;
  /** Removes a key; one that isn't set stays so. */
  delete(key: string): void;
}

/** The state while a block changes it. */
export type StateTables = Readonly<Record<StateTable, MutableStateTable>>;

/**
 * What the host makes of blocks: changes of accounts and contracts, stored in one write with the block, and taken back
 * when the block is rolled back.
 *
 * Every node has to come to the same state, and a block that was not yet durable at a crash is applied again: the
 * changes may depend on the block and the state only, not on time, chance or anything kept between calls.
 */
export interface StateTransition {
  /**
   * Called once for each verified block, in the order of the chain, before the block is stored. When it throws, the
   * block is not stored, nor is anything after it: the engine fails with `STATE_FAILED`. It must not wait for a write
   * to the chain that it is called by.
   *
   * @param state - for use until the returned promise settles.
   */
  apply(block: StateBlock, state: StateTables): void | Promise<void>;
}
