/** Where a host wants lines of a log: `pino` is one, and so is whatever has these four methods. */
export interface Logger {
  /** What helps to find a fault. */
  debug(fields: object, message: string): void;
  /** What happens in the course of things. */
  info(fields: object, message: string): void;
  /** What may want to be looked at. */
  warn(fields: object, message: string): void;
  /** What failed. */
  error(fields: object, message: string): void;
}
