import type { MutableStateTable, StateChange, StateTable, StateTables } from '../../contracts/index.js';
import { type ReadState, StateOverlay } from './overlay.js';
import { checkedCopy, checkKey, decodeValue, encodeValue } from './values.js';

/** Changes that one block can make, in bytes: as much as a block can have itself by default. */
const MAX_CHANGES_BYTES = 64 * 1024 * 1024;

/** The state while one block changes it. */
export class BlockState {
  /** The tables that the transition gets; unusable after `close`. */
  readonly tables: StateTables = { accounts: this.#table('accounts'), contracts: this.#table('contracts') };
  readonly #overlay: StateOverlay;
  #readFailure: { readonly error: unknown } | null = null;
  #closed = false;

  constructor(below: ReadState) {
    this.#overlay = new StateOverlay(below);
  }

  /** The block's changes, the last one of each key. */
  changes(): readonly StateChange[] {
    return this.#overlay.changes();
  }

  /** A read that failed: whatever the transition made of that, its changes rest on nothing. */
  get readFailure(): { readonly error: unknown } | null {
    return this.#readFailure;
  }

  /** Ends the use of `tables`. */
  close(): void {
    this.#closed = true;
  }

  #table(table: StateTable): MutableStateTable {
    return {
      get: async (key) => {
        const bytes = await this.#get(table, key);
        return bytes === null ? null : decodeValue(bytes);
      },
      getBytes: (key) => this.#get(table, key),
      put: (key, value) => {
        this.#set(table, key, () => encodeValue(value));
      },
      putBytes: (key, bytes) => {
        this.#set(table, key, () => checkedCopy(bytes));
      },
      delete: (key) => {
        this.#set(table, key, () => null);
      },
    };
  }

  async #get(table: StateTable, key: string): Promise<Uint8Array | null> {
    this.#checkOpen();
    checkKey(key);
    try {
      return await this.#overlay.get(table, key);
    } catch (error) {
      this.#readFailure ??= { error };
      throw error;
    }
  }

  #set(table: StateTable, key: string, value: () => Uint8Array | null): void {
    this.#checkOpen();
    checkKey(key);
    const change = { table, key, value: value() };
    if (this.#overlay.bytesWith(change) > MAX_CHANGES_BYTES) {
      throw new TypeError(`The changes of one block come to more than ${MAX_CHANGES_BYTES} bytes.`);
    }
    this.#overlay.set(change);
  }

  #checkOpen(): void {
    if (this.#closed) throw new TypeError('The state was used after the block that it was given for.');
  }
}
