import { isSyncError } from '../errors/index.js';
import { isRefusal, type Reader } from '../internal/options/index.js';
import { UsageError } from './exit.js';
import { inFlags } from './words.js';

/**
 * Makes a plan of what a command was told. What the plan refuses is wrong usage, told by the names that options have on
 * the command line.
 *
 * @throws UsageError
 */
export function planned<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (isRefusal(error) || isSyncError(error, 'PLUGIN_UNKNOWN'))
      throw new UsageError(asUsage(error.message), { cause: error });
    throw error;
  }
}

/** Reads the value of one option, or of an argument, which is no part of a plan. @throws UsageError */
export function readValue<T>(reader: Reader<T>, value: unknown, flag: string): T {
  return planned(() => reader.read(value, { owner: 'blockferry', path: flag }));
}

/** `createSyncEngine: \`trust.signers[0]\` must be …` becomes `--trust must be …`. */
function asUsage(message: string): string {
  return inFlags(message.replace(/^\w+: /, '')).replaceAll(', or null', '');
}
