import type { BlockRef, ChainRules, Storage } from '../contracts/index.js';
import { isOpaque } from './opaque-rules.js';
import type { LeftValidators } from '../internal/validators.js';

/** Blocks whose validators are remembered: more than any branch is long that could take the place of ours. */
const MAX_NOTED = 20_000;

/** What is read of a store. */
export interface StoredValidatorsDeps {
  readonly rules: ChainRules;
  readonly storage: Pick<Storage, 'checkpoint'>;
  /** The document at a height; `null` where none is. */
  document(height: number): Promise<Uint8Array | null>;
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
  #openedTo = -1;
  readonly #noted = new Map<string, LeftValidators>();

  constructor(deps: StoredValidatorsDeps) {
    this.#deps = deps;
  }

  /** Reads the store, as far down as a branch could begin. */
  async load(): Promise<void> {
    const { rules } = this.#deps;
    if (rules.covers === 'document' || isOpaque(rules)) return;
    const { head, base } = this.#deps.storage.checkpoint();
    const last = head === null ? undefined : await this.#read(head.height);
    if (head === null || last === undefined) return;
    const from = Math.max(base, head.height - this.#deps.maxRollbackBlocks);
    const first = await this.#read(from);
    this.#opened = [{ from, left: first }];
    this.#openedTo = head.height;
    await this.#between({ from, left: first }, { from: head.height, left: last });
  }

  /** What a block of this chain, or one that was verified, has left. */
  leftBy(ref: BlockRef | null): LeftValidators {
    if (ref === null) return null;
    if (this.#noted.has(ref.hash)) return this.#noted.get(ref.hash);
    if (ref.height > this.#openedTo) return undefined;
    return this.#opened.findLast(({ from }) => from <= ref.height)?.left;
  }

  /** Notes what a block has left that was verified. */
  note(hash: string, left: LeftValidators): void {
    if (left === undefined || left === null) return;
    this.#noted.set(hash, left);
    if (this.#noted.size <= MAX_NOTED) return;
    const [oldest] = this.#noted.keys();
    if (oldest !== undefined) this.#noted.delete(oldest);
  }

  /** Finds where they changed between two blocks, by halves. */
  async #between(low: LeftFrom, high: LeftFrom): Promise<void> {
    if (low.left === high.left) return;
    if (high.from - low.from <= 1) {
      this.#opened.push(high);
      return;
    }
    const from = low.from + ((high.from - low.from) >> 1);
    const middle = { from, left: await this.#read(from) };
    await this.#between(low, middle);
    await this.#between(middle, high);
  }

  async #read(height: number): Promise<LeftValidators> {
    const document = await this.#deps.document(height);
    if (document === null) return undefined;
    const { validators, nextValidators } = this.#deps.rules.describe(document);
    return nextValidators ?? validators;
  }
}
