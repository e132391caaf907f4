import type { BlockRef, ChainRules, Storage, ValidatorCarrying } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { type LeftValidators, ValidatorCarry } from '../internal/validators.js';

/** Blocks whose validators are remembered: more than any branch is long that could take the place of ours. */
const MAX_NOTED = 20_000;

/** What is read of a store. */
export interface StoredValidatorsDeps {
  readonly rules: ChainRules;
  readonly storage: Pick<Storage, 'checkpoint'>;
  /** The documents from one height to another, in order, in batches. */
  read(from: number, to: number): AsyncIterable<readonly Uint8Array[]>;
  /** Blocks that a branch may take the place of. */
  readonly maxRollbackBlocks: number;
}

/** What the blocks from a height on have left. */
interface LeftFrom {
  readonly from: number;
  readonly left: LeftValidators;
}

/** Which validators a block has left: those that were in the store when it was opened, and those verified since. */
export class StoredValidators {
  readonly #deps: StoredValidatorsDeps;
  /** By height, lowest first: what the blocks from there on have left. */
  #opened: LeftFrom[] = [];
  #openedFrom = 0;
  #openedTo = -1;
  readonly #noted = new Map<string, LeftValidators>();
  /** The block that was verified last, if it says nothing of validators: reading it again would tell no more. */
  #silent: string | null = null;

  constructor(deps: StoredValidatorsDeps) {
    this.#deps = deps;
  }

  /**
   * Reads the store as far down as a branch could begin, and where votes are counted to where nothing older counts.
   *
   * @throws SyncError `CHAIN_MISMATCH` for blocks that these rules would not take, as they are configured now.
   */
  async load(): Promise<void> {
    const { rules, storage, maxRollbackBlocks } = this.#deps;
    const { head, base } = storage.checkpoint();
    if (rules.covers === 'document' || head === null) return;
    const lowest = Math.max(base, head.height - Math.min(maxRollbackBlocks, MAX_NOTED));
    const { carrying } = rules;
    const opened =
      carrying === undefined
        ? await this.#stated(lowest, head.height)
        : await this.#counted(carrying, { base, lowest, to: head.height }).catch(misconfigured);
    this.#opened = opened;
    this.#openedFrom = lowest;
    this.#openedTo = head.height;
  }

  /**
   * Finds out what a block of the store has left that is further down than a branch was expected to begin: else nobody knew, and
   * any validators would do for the block above.
   *
   * @throws SyncError as {@link StoredValidators.load}
   */
  async know(ref: BlockRef): Promise<void> {
    const { rules } = this.#deps;
    if (rules.covers === 'document' || this.#isKnown(ref)) return;
    const { base, head } = this.#deps.storage.checkpoint();
    if (head === null || ref.height < base || ref.height > head.height) return;
    const { height } = ref;
    if (rules.describe(await this.#document(height)).hash !== ref.hash) return;
    const range = { base, lowest: height, to: height };
    const left =
      rules.carrying === undefined
        ? await this.#read(height)
        : (await this.#counted(rules.carrying, range).catch(misconfigured)).at(-1)?.left;
    this.note(ref.hash, left);
  }

  /** Blocks of the store above a height are gone: others may come there. */
  dropAbove(height: number): void {
    this.#openedTo = Math.min(this.#openedTo, height);
  }

  #isKnown({ height, hash }: BlockRef): boolean {
    if (hash === this.#silent || this.#noted.has(hash)) return true;
    return height >= this.#openedFrom && height <= this.#openedTo;
  }

  /** What a block of this chain, or one that was verified, has left. */
  leftBy(ref: BlockRef | null): LeftValidators {
    if (ref === null) return null;
    if (this.#noted.has(ref.hash)) return this.#noted.get(ref.hash);
    if (ref.hash === this.#silent || !this.#isKnown(ref)) return undefined;
    return this.#opened.findLast(({ from }) => from <= ref.height)?.left;
  }

  /** Notes what a block has left that was verified. */
  note(hash: string, left: LeftValidators): void {
    this.#silent = left === undefined && this.#deps.rules.carrying === undefined ? hash : null;
    if (left === undefined || left === null) return;
    // The newest at the end, also one that is noted again.
    this.#noted.delete(hash);
    this.#noted.set(hash, left);
    if (this.#noted.size <= MAX_NOTED) return;
    const [oldest] = this.#noted.keys();
    if (oldest !== undefined) this.#noted.delete(oldest);
  }

  /** Takes the blocks anew whose votes still count. */
  async #counted(
    carrying: ValidatorCarrying,
    { base, lowest, to }: { readonly base: number; readonly lowest: number; readonly to: number },
  ): Promise<LeftFrom[]> {
    const from = Math.max(base, carrying.startOf(await this.#document(lowest)));
    const carry = new ValidatorCarry(this.#deps.rules, from === base ? null : undefined);
    const opened: LeftFrom[] = [];
    for await (const documents of this.#deps.read(from, to))
      for (const document of documents) {
        const step = carrying.read(document);
        if (!carry.takeStep(step) && opened.length > 0) continue;
        // Below the lowest, only what they have left in the end is ever asked for.
        if (step.height <= lowest) opened.pop();
        opened.push({ from: step.height, left: carry.left });
      }
    return opened;
  }

  /** Finds by halves where the validators changed that blocks state. */
  async #stated(lowest: number, to: number): Promise<LeftFrom[]> {
    const last = await this.#read(to);
    if (last === undefined) return [];
    const low = { from: lowest, left: await this.#read(lowest) };
    const opened: LeftFrom[] = [low];
    await this.#between(low, { from: to, left: last }, opened);
    return opened;
  }

  async #between(low: LeftFrom, high: LeftFrom, opened: LeftFrom[]): Promise<void> {
    if (low.left === high.left) return;
    if (high.from - low.from <= 1) {
      opened.push(high);
      return;
    }
    const from = low.from + ((high.from - low.from) >> 1);
    const middle = { from, left: await this.#read(from) };
    await this.#between(low, middle, opened);
    await this.#between(middle, high, opened);
  }

  async #read(height: number): Promise<LeftValidators> {
    const { validators, nextValidators } = this.#deps.rules.describe(await this.#document(height));
    return nextValidators ?? validators;
  }

  async #document(height: number): Promise<Uint8Array> {
    for await (const [document] of this.#deps.read(height, height))
      if (document !== undefined) return document;
    throw new TypeError(`The store has no block ${height}.`);
  }
}

/** Nobody sends what is in the store: what its blocks are refused for now is the configuration. */
function misconfigured(error: unknown): never {
  const isRefusal = ['VALIDATORS_CHANGED', 'SIGNATURE_INVALID', 'BLOCK_MALFORMED'] as const;
  if (!isSyncError(error) || !isRefusal.some((code) => error.code === code)) throw error;
  const { height } = error.context;
  const message = `The blocks of the store don't fit the chain rules as they are configured now: ${error.message} Configure them as they were when the blocks were taken, or use another directory.`;
  throw new SyncError('CHAIN_MISMATCH', message, {
    cause: error,
    ...(height === undefined ? {} : { height }),
  });
}
