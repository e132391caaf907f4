/** The tables that a chain's state consists of. */
export type StateTable = 'accounts' | 'contracts';

/** One value of the state: a JSON value in UTF-8, kept byte for byte. */
export interface StateEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** One change of the state made by a block. */
export interface StateChange {
  readonly table: StateTable;
  readonly key: string;
  /** The new value; `null` removes the key. */
  readonly value: Uint8Array | null;
}
