import type { ClassicLevel as Level } from 'classic-level';
import { SyncError } from '../../src/errors/index.js';

/**
 * Loads LevelDB, when a store of it is opened: who has another store needs no native module.
 *
 * @throws SyncError `STORE_IO` where there is none.
 */
export async function loadLevel(): Promise<typeof Level> {
  const { ClassicLevel } = await import('classic-level').catch((cause: unknown) => {
    const message =
      'The package `classic-level`, which has LevelDB as a native module, could not be loaded. A bundle has to leave it ' +
      'out, and `node_modules/classic-level` has to be beside it (docs/bundling.md).';
    throw new SyncError('STORE_IO', message, { cause });
  });
  return ClassicLevel;
}
