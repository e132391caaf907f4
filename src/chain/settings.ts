import type { StateTransition } from '../contracts/index.js';
import type { Finality } from './finality.js';
import type { Pins } from './pins.js';
import type { ProduceSettings } from './produce/settings.js';
import type { ProducerSet } from './producers.js';

/** Bounds of a chain in a store (protocol section 4). Sizes in bytes. */
export interface ChainLimits {
  /**
   * Largest decoded block.
   *
   * @defaultValue 64 MiB
   */
  readonly maxBlockBytes: number;
}

/** Defaults of {@link ChainLimits}. */
export const DEFAULT_CHAIN_LIMITS: ChainLimits = { maxBlockBytes: 64 * 1024 * 1024 };

/** Confirmed blocks that a branch may take the place of, where nothing says more. */
export const DEFAULT_MAX_ROLLBACK_BLOCKS = 64;

/** Settings of a chain in a store, complete and checked. */
export interface ChainSettings {
  /** Chain rules by name; `null` leaves them to the store, and to the peer where there is one. */
  readonly chain: string | null;
  /** The chain's name, when the host pins it. */
  readonly chainId: string | null;
  /** Blocks that the host knows. */
  readonly pins: Pins;
  /** Who may write blocks, by ascending heights; empty when anybody may. */
  readonly producers: readonly ProducerSet[];
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** What blocks do to the state; `null` when there is none. */
  readonly stateTransition: StateTransition | null;
  /** Which blocks can't be rolled back; `null` for none but those of a snapshot. */
  readonly finality: Finality | null;
  /** Whether a verified block counts as confirmed; else peers have to have it, or the host appended it. */
  readonly confirmsVerified: boolean;
  /** Whether all that a store has when it is opened counts as confirmed; else what it says is. */
  readonly confirmsStored: boolean;
  /** Confirmed blocks that a branch may take the place of; those further below the head are not expected to be dropped. */
  readonly maxRollbackBlocks: number;
  /** How blocks are produced here. */
  readonly produce: ProduceSettings;
  readonly limits: ChainLimits;
}
