import type { BlockSigner } from '../../contracts/index.js';

/** How a chain produces blocks, complete. */
export interface ProduceSettings {
  /** Who signs them; `null` for blocks without a signature. */
  readonly signer: BlockSigner | null;
  /** Name of the member that each record goes in as; `null` leaves it to the rules. */
  readonly wrap: string | null;
  /** Bytes of records that may wait to be stored. */
  readonly maxWaitingBytes: number;
}

/** Defaults of {@link ProduceSettings}. */
export const DEFAULT_PRODUCE: ProduceSettings = Object.freeze({
  signer: null,
  wrap: null,
  maxWaitingBytes: 32 * 1024 * 1024,
});
