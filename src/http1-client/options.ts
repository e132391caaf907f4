/** How long a request may take, in milliseconds. */
export interface Deadlines {
  /** From its start until there is a connection, TLS included. */
  readonly connectTimeoutMs: number;
  /** From then until the head of the response has come. */
  readonly firstByteTimeoutMs: number;
}
