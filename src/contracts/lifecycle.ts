/** An operation that can be called off. */
export interface AbortOptions {
  /** Rejects the operation with the signal's reason; nothing half-done stays behind. */
  readonly signal?: AbortSignal | undefined;
}

/** Something that holds a resource. `close` may be called any number of times and from anywhere. */
export interface Closeable {
  /** Releases what is held; resolves when it is released. */
  close(): Promise<void>;
}
