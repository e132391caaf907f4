import { compareBytes, utf8Bytes } from '#platform/bytes';
import type { StateChange, StateEntry, StoreTable } from '../../src/contracts/index.js';

type Tables = Record<StoreTable, Map<string, Uint8Array>>;

/** A chain's state in memory. */
export class StateTables {
  readonly #tables: Tables;

  constructor(tables: Tables = { accounts: new Map(), contracts: new Map(), produced: new Map() }) {
    this.#tables = tables;
  }

  get(table: StoreTable, key: string): Uint8Array | null {
    return this.#tables[table].get(key) ?? null;
  }

  /** Sets values. */
  put(table: StoreTable, entries: readonly StateEntry[]): void {
    for (const { key, value } of entries) this.#tables[table].set(key, value);
  }

  /** Makes changes in order. @returns the changes that take them back, in the order to make them. */
  apply(changes: readonly StateChange[]): StateChange[] {
    const undo: StateChange[] = [];
    for (const { table, key, value } of changes) {
      undo.unshift({ table, key, value: this.get(table, key) });
      if (value === null) this.#tables[table].delete(key);
      else this.#tables[table].set(key, value);
    }
    return undo;
  }

  /** Entries in the order of the keys' UTF-8 bytes, which differs from JavaScript's order above U+FFFF. */
  entries(table: StoreTable): StateEntry[] {
    const keyed = [...this.#tables[table]].map(([key, value]) => ({ bytes: utf8Bytes(key), key, value }));
    keyed.sort((a, b) => compareBytes(a.bytes, b.bytes));
    return keyed.map(({ key, value }) => ({ key, value }));
  }

  copy(): StateTables {
    return new StateTables({
      accounts: new Map(this.#tables.accounts),
      contracts: new Map(this.#tables.contracts),
      produced: new Map(this.#tables.produced),
    });
  }

  clear(): void {
    this.#tables.accounts.clear();
    this.#tables.contracts.clear();
    this.#tables.produced.clear();
  }
}
