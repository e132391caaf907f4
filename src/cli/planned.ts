import { isSyncError } from '../errors/index.js';
import { isRefusal, type Reader } from '../internal/options/index.js';
import { UsageError } from './exit.js';

/** The option of the command line that each one of a configuration comes from. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['storage.location', '--data'],
  ['chain', '--chain'],
  ['base', '--base'],
  ['limits.maxBlockBytes', '--max-block-bytes'],
  ['finality.depth', '--finality-depth'],
  ['stateTransition', '--state'],
  ['peers', '--peer'],
  ['mode', '--mode'],
  ['trust', '--trust'],
  ['trust.threshold', '--threshold'],
  ['trust.hash', '--trust-hash'],
  ['snapshot.type', '--snapshot-type'],
  ['codecs', '--codec'],
  ['agree', '--agree'],
  ['staleAfterMs', '--stale-after (seconds, here in milliseconds)'],
  ['to', '--to'],
  ['follow', '--follow'],
  ['cache', '--cache'],
  ['snapshots.every', '--snapshot-every'],
]);

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
      throw new UsageError(inFlags(error.message), { cause: error });
    throw error;
  }
}

/** Reads the value of one option, or of an argument, which is no part of a plan. @throws UsageError */
export function readValue<T>(reader: Reader<T>, value: unknown, flag: string): T {
  return planned(() => reader.read(value, { owner: 'blockferry', path: flag }));
}

/** `createSyncEngine: \`trust.signers[0]\` must be …` becomes `--trust must be …`. */
function inFlags(message: string): string {
  return message
    .replace(/^\w+: /, '')
    .replace(/`([^`]+)`/g, (quoted, path: string) => flagOf(path) ?? quoted)
    .replaceAll(', or null', '');
}

function flagOf(path: string): string | null {
  if (path.startsWith('--')) return path;
  const names = path.replace(/\[.*?\]/g, '').split('.');
  const [, place] = /\[(\d+)\]/.exec(path) ?? [];
  for (let length = names.length; length > 0; length--) {
    const flag = FLAGS.get(names.slice(0, length).join('.'));
    if (flag !== undefined) return place === undefined ? flag : `${flag} (no. ${Number(place) + 1})`;
  }
  return null;
}
