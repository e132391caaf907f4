import type { ChainRules, CodecRegistry, Storage, VerifyTile } from '../contracts/index.js';
import { Chain } from './chain.js';
import { isSyncError } from '../errors/index.js';
import type { EvidenceShelf } from './evidence.js';
import { finalHeight } from './finality.js';
import { opaqueRules } from './opaque-rules.js';
import { checkPinned } from './pins.js';
import type { MakeProducer } from './produce/block-producer.js';
import { producersOf } from './producers.js';
import type { ChainLimits, ChainSettings } from './settings.js';
import type { StorageEncoding } from './storage-encoding.js';

/** Rules of a chain about which nobody says anything. */
export const DEFAULT_RULES = 'sealed-json';

/** How a store is opened. */
export interface OpenOptions {
  /**
   * Blocks are read and handed on, and none is added: rules that are not known here are no hindrance, nor blocks that they
   * would not take as they are configured now. Default false.
   */
  readonly onlyReads?: boolean;
  /** The rules have to be known all the same. Default false. */
  readonly needsRules?: boolean;
}

/** The plugins that a chain in a store needs, resolved. */
export interface StoreParts {
  readonly storage: Storage;
  readonly codecs: CodecRegistry;
  readonly encoding: StorageEncoding;
  readonly evidence: EvidenceShelf;
  /**
   * Makes what produces blocks; `null` where they are only taken.
   *
   * @internal
   */
  readonly producer: MakeProducer | null;
  /** @throws SyncError `PLUGIN_UNKNOWN` */
  rules(id: string): Promise<ChainRules>;
  /** What checks tiles by these rules. */
  tileVerifier(rules: ChainRules, limits: ChainLimits): VerifyTile;
  /** Closes everything that was made, in reverse order. */
  close(): Promise<void>;
}

/** Makes the chain in a store that is open. */
export function chainOf(parts: StoreParts, settings: ChainSettings, rules: ChainRules): Chain {
  return new Chain({
    storage: parts.storage,
    rules,
    codecs: parts.codecs,
    encoding: parts.encoding,
    chainId: settings.chainId,
    pins: settings.pins,
    producers: producersOf(settings.producers, rules, parts.codecs),
    evidence: parts.evidence,
    producer: parts.producer,
    base: settings.base,
    produce: settings.produce,
    maxBlockBytes: settings.limits.maxBlockBytes,
    verifyTile: parts.tileVerifier(rules, settings.limits),
    stateTransition: settings.stateTransition,
    finalHeight: (confirmed, chain) => finalHeight(settings.finality, confirmed, chain),
    confirmsVerified: settings.confirmsVerified,
    confirmsStored: settings.confirmsStored,
    maxRollbackBlocks: settings.maxRollbackBlocks,
    onClose: () => parts.close(),
  });
}

/**
 * Checks that a store that is open does not contradict what the host knows: pinned blocks, and who may write. Nothing is
 * changed.
 *
 * @throws SyncError `CHECKPOINT_MISMATCH`, `PRODUCER_UNKNOWN`, `SIGNATURE_INVALID`, `CHAIN_MISMATCH`
 */
export async function checkStored(
  { storage, codecs }: Pick<StoreParts, 'storage' | 'codecs'>,
  rules: ChainRules,
  settings: ChainSettings,
): Promise<void> {
  await checkPinned(storage, rules, settings);
  await producersOf(settings.producers, rules, codecs)?.checkStored(storage);
}

/**
 * Opens a store and the chain in it; closes the parts when that fails.
 *
 * @throws SyncError `STORE_*`, `PLUGIN_UNKNOWN`, `CHAIN_MISMATCH`, `CHECKPOINT_MISMATCH`, `PRODUCER_UNKNOWN`,
 *   `SIGNATURE_INVALID`, `STATE_FAILED`
 */
export async function openStore(
  parts: StoreParts,
  settings: ChainSettings,
  { onlyReads = false, needsRules = false }: OpenOptions = {},
): Promise<Chain> {
  try {
    await parts.storage.open();
    const id = settings.chain ?? parts.storage.identity()?.chain ?? DEFAULT_RULES;
    const rules = await parts.rules(id).catch((error: unknown) => {
      if (onlyReads && !needsRules && isSyncError(error, 'PLUGIN_UNKNOWN')) return opaqueRules(id);
      throw error;
    });
    const chain = chainOf(parts, settings, rules);
    await checkStored(parts, rules, settings);
    await chain.checkStore({ onlyReads });
    return chain;
  } catch (error) {
    await parts.close();
    throw error;
  }
}
