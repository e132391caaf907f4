import { parseManifest } from '../../../plugins/transport-snapshot/manifest.js';
import type { Chain } from '../../chain/chain.js';
import type { SnapshotManifest, TileEntry } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import {
  bodyPathOf,
  filesOf,
  isSnapshotId,
  manifestPathOf,
  SNAPSHOTS_FOLDER,
} from '../../internal/snapshot-files.js';
import { tailFileName, tileNameOf } from '../../tiles/name.js';
import { TILES_FOLDER } from './pages.js';
import type { PublishedSnapshot } from './snapshots.js';
import type { PublishTarget } from './target.js';

/** A tail in any codec; what it is without that. */
const TAIL = /^(tail-\d{16}-\d{16}-[0-9a-f]{32}\.ndjson)\.[a-z0-9]+$/;

/** Tails that are kept beside the one that is named: a client may have read the status a while ago. */
const KEPT_TAILS = 2;

/** Removes the tails before the last ones. @param tail - the one that the status names; `null` for none */
export async function removeTails(target: PublishTarget, tail: TileEntry | null): Promise<void> {
  const current = tail === null ? null : tailOf(tailFileName(tileNameOf(tail)));
  const files = (await target.list(TILES_FOLDER)).flatMap(({ name }) => {
    const of = tailOf(name);
    return of === null || of === current ? [] : [{ name, of }];
  });
  const kept = [...new Set(files.map(({ of }) => of))].slice(0, KEPT_TAILS);
  const gone = files.filter(({ of }) => !kept.includes(of));
  for (const { name } of gone) await target.remove(`${TILES_FOLDER}/${name}`);
}

/** The tail that a file has; `null` for what is none. */
function tailOf(name: string): string | null {
  return TAIL.exec(name)?.[1] ?? null;
}

/**
 * Removes the files of snapshots that no status names any more. Anything else in the folder is somebody else's: a folder
 * without a manifest, one whose manifest is of another snapshot or chain, files that a manifest doesn't have.
 */
export async function removeSnapshots(
  target: PublishTarget,
  kept: readonly PublishedSnapshot[],
  chain: Pick<Chain, 'chain' | 'chainId'>,
): Promise<void> {
  const ids = new Set(kept.map(({ id }) => id));
  for (const id of await target.folders(SNAPSHOTS_FOLDER)) {
    if (ids.has(id) || !isSnapshotId(id)) continue;
    const manifest = await manifestOf(target, id);
    if (manifest?.id !== id || manifest.chain !== chain.chain || manifest.chainId !== chain.chainId())
      continue;
    for (const { number } of filesOf(manifest.parts)) await target.remove(bodyPathOf(id, number));
    // Last: a run that ends before finds the rest by it.
    await target.remove(manifestPathOf(id));
    await target.removeFolder(`${SNAPSHOTS_FOLDER}/${id}`);
  }
}

/** `null` where there is none that can be read. */
async function manifestOf(target: PublishTarget, id: string): Promise<SnapshotManifest | null> {
  const text = await target.read(manifestPathOf(id));
  try {
    return text === null ? null : parseManifest(JSON.parse(text.toString()));
  } catch (error) {
    if (isSyncError(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}
