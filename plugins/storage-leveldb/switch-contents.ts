import { readMeta } from './check.js';
import { removeContents, syncContents } from './contents.js';
import { closeContents, type Contents } from './database.js';
import { readMarker, writeMarker } from './files.js';
import type { HighWater } from './high-water.js';
import { Reader } from './reader.js';
import type { Meta } from './records.js';
import type { TilePlan } from '../../src/tiles/plan.js';

/** What is open of a store. */
export interface Opened {
  readonly contents: Contents;
  readonly reader: Reader;
  readonly mark: HighWater;
  meta: Meta;
  /** Which tiles could be made. */
  readonly plan: TilePlan;
  /**
   * What the marker says: that there may be tiles, or not yet. `older` is not yet, and blocks that could be tiles: an
   * earlier version has left them so.
   */
  format: 'plain' | 'older' | 'tiles';
}

/** How far a store got, as the mark counts it. */
export const heightOfHead = ({ checkpoint }: Meta): number => checkpoint.head?.height ?? -1;

/**
 * Puts complete contents in the place of a store's: the marker names the one or the other, and what it names is whole
 * and durable before and after. The mark may be too low for either, never too high: it is lowered before the marker is
 * replaced, and raised after it.
 *
 * @returns what is open from now on; the old contents still are, too.
 * @throws when the store is as before, or, when the marker already names the new contents, as {@link isStillNamed} tells.
 */
export async function switchContents(location: string, old: Opened, contents: Contents): Promise<Opened> {
  const reader = new Reader(contents, null);
  const { meta, frames, plan } = await readMeta(contents, reader, null);
  contents.segments.count(frames);
  const { mark } = old;
  const before = heightOfHead(old.meta);
  const after = heightOfHead(meta);
  await syncContents(location, contents.name);
  try {
    if (after < before) await mark.lower(after);
    await writeMarker(location, { state: 'ready', db: contents.name, hasTiles: false });
  } catch (error) {
    if (await isStillNamed(location, old.contents)) await mark.advance(before);
    throw error;
  }
  await mark.advance(after);
  return { contents, reader, mark, meta, plan, format: 'plain' };
}

/** Whether the marker names some contents; not when it can't be read. */
export async function isStillNamed(location: string, { name }: Contents): Promise<boolean> {
  const marker = await readMarker(location).catch(() => null);
  return marker?.db === name;
}

/**
 * Ends what was replaced. Reads of it that are under way fail with `STORE_CLOSED`; LevelDB waits for the step that each
 * is in. What can't be removed now is removed at the next start.
 */
export async function retire(location: string, contents: Contents): Promise<void> {
  await closeContents(contents)
    .then(() => removeContents(location, contents.name))
    .catch(() => undefined);
}
