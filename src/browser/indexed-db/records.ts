/** A key and its new value. */
export type KeyChange = readonly [key: string, value: Uint8Array];

/** Keys and values of one store, in the order of the keys. */
export interface Records {
  /** Opens them, for this one only. @throws SyncError `STORE_LOCKED`, `STORE_IO` */
  open(): Promise<void>;
  /** All that there is. */
  all(): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  /** Makes changes, all of them or none. */
  write(changes: readonly KeyChange[]): Promise<void>;
  close(): Promise<void>;
}
