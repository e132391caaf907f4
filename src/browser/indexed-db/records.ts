/** A key and its new value. */
export type KeyChange = readonly [key: string, value: Uint8Array];

/** What is written at once. */
export interface RecordWrite {
  /** Under a key that nothing has: two that have one store open by mistake don't write over each other. */
  readonly added?: KeyChange;
  /** In place of what there is. */
  readonly changed: readonly KeyChange[];
}

/** Keys and values of one store, in the order of the keys. */
export interface Records {
  /** Opens them, for this one only. @throws SyncError `STORE_LOCKED`, `STORE_IO` */
  open(): Promise<void>;
  /** All that there is. @throws SyncError `STORE_IO` */
  all(): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** Writes all of it or none. @throws SyncError `STORE_LOCKED` for a key that there is already */
  write(write: RecordWrite): Promise<void>;
  close(): Promise<void>;
}
