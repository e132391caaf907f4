import { duration, type SpecOf, withDefault } from '../internal/options/index.js';

/** How a server closes. */
export interface CloseServerOptions {
  /**
   * Time that answers under way (ranges, snapshots) have to end, in milliseconds. Streams don't have it: they are ended
   * behind an event, and their clients go on elsewhere. 0 breaks all answers off at once.
   *
   * @defaultValue 8,000
   */
  readonly graceMs?: number;
}

/** Readers of the options of `close`. The default leaves time to close a store before Docker's 10 seconds are over. */
export const CLOSE_SERVER_OPTIONS = {
  graceMs: withDefault(duration({ min: 0 }), 8_000),
} satisfies SpecOf<CloseServerOptions>;
