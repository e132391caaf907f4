import { randomUUID } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { copyStore } from '../../../plugins/storage-leveldb/copy-store.js';
import type { BlockRef } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { syncDirectory } from '../../internal/node/replace-file.js';
import { openPlanned } from '../../open-chain.js';
import { UsageError } from '../exit.js';
import { storePlan } from '../options.js';
import { makeDirectory } from '../../internal/node/make-directory.js';

/** A rollback may have removed what the copy names; the next one is of a later moment. */
const MAX_COPIES = 5;

/**
 * Copies the store in a directory to another one, which appears under its name when it is whole, checked and on disk, or
 * not at all. Another process may have the store open, and write to it.
 *
 * @returns the newest block of the copy; `null` when it has none.
 * @throws SyncError `STORE_*`, `INPUT_UNREADABLE`, `ABORTED`
 * @throws UsageError for a target that is there already
 */
export async function backUp(data: string, target: string, signal: AbortSignal): Promise<BlockRef | null> {
  if ((await lstat(target).catch(() => null)) !== null)
    throw new UsageError(`${target} is there already; a backup is a new directory.`);
  await writable(dirname(resolve(target)));
  for (let copy = 1; ; copy++) {
    const temporary = `${resolve(target)}.${randomUUID()}.part`;
    try {
      await copyStore(data, temporary, signal);
      const head = await headOf(temporary);
      await rename(temporary, target);
      await syncDirectory(dirname(resolve(target)));
      return head;
    } catch (error) {
      const isOfItsTime = isSyncError(error, 'STORE_DAMAGED') && copy < MAX_COPIES;
      if (!isOfItsTime) throw error;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

/** Opening checks every table, that no height is missing, and that every frame and tile is there. */
async function headOf(data: string): Promise<BlockRef | null> {
  const chain = await openPlanned(storePlan({ data }, false), { onlyReads: true, needsRules: true });
  const { head } = chain.tip();
  await chain.close();
  return head;
}

async function writable(parent: string): Promise<void> {
  try {
    await makeDirectory(parent);
    await (await open(parent, 'r')).close();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'it failed';
    throw new SyncError('INPUT_UNREADABLE', `${parent} can't be made: ${code}.`, { cause });
  }
}
