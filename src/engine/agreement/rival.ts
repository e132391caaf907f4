import type { BlockRef } from '../../contracts/index.js';
import { isSyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import type { PeerRecord } from '../peers/peer-record.js';
import { holds, type LocateDeps } from './locate.js';
import type { Witness } from './witness.js';

/** A block that is not on our chain and that enough peers have: ours gives way to its branch. */
export interface Rival {
  readonly ref: BlockRef;
  /** The peers that have it. */
  readonly holders: readonly PeerRecord[];
  /** The newest block that they have in common with us; `null` when none is known. */
  readonly common: BlockRef | null;
}

/** A peer that is on another branch than ours. */
interface Dissenter {
  readonly record: PeerRecord;
  readonly common: BlockRef | null;
  readonly theirs: BlockRef;
  readonly signal: AbortSignal;
}

/**
 * Finds blocks of other branches that enough peers have, newest first, of branches that come before ours: what ours has
 * above the fork is not confirmed, or no longer is, or is confirmed less far.
 *
 * @param witnesses - with what they have answered just now.
 */
export async function findRivals(
  deps: LocateDeps,
  witnesses: readonly Witness[],
  agree: number,
): Promise<readonly Rival[]> {
  const dissenters = witnesses.flatMap(({ record, place, signal }): readonly Dissenter[] =>
    place?.differs === true ? [{ record, common: place.common, theirs: place.theirs, signal }] : [],
  );
  const rivals: Rival[] = [];
  if (dissenters.length < agree) return rivals;
  for (const ref of headsOf(dissenters)) {
    const holders = await holdersOf(deps, dissenters, ref);
    const common = newest(holders.map((each) => each.common));
    if (holders.length < agree || !isBefore(deps, witnesses, { ref, common }, agree)) continue;
    rivals.push({ ref, common, holders: holders.map(({ record }) => record) });
  }
  return rivals;
}

/** Each once, newest first. */
function headsOf(dissenters: readonly Dissenter[]): readonly BlockRef[] {
  const heads = new Map(dissenters.map(({ theirs }) => [theirs.hash, theirs]));
  return [...heads.values()].sort((a, b) => b.height - a.height);
}

function newest(refs: readonly (BlockRef | null)[]): BlockRef | null {
  return refs.reduce((best, ref) => ((ref?.height ?? -1) > (best?.height ?? -1) ? ref : best), null);
}

async function holdersOf(
  deps: LocateDeps,
  dissenters: readonly Dissenter[],
  ref: BlockRef,
): Promise<readonly Dissenter[]> {
  const answers = await Promise.all(
    dissenters.map(async (dissenter) => {
      const { theirs, record, signal } = dissenter;
      if (theirs.height < ref.height) return false;
      try {
        return await holds(deps.transport, record, ref, signal);
      } catch (error) {
        throwIfAborted(signal);
        if (isSyncError(error)) return false;
        throw error;
      }
    }),
  );
  return dissenters.filter((_dissenter, at) => answers[at]);
}

function isBefore(
  { chain }: LocateDeps,
  witnesses: readonly Witness[],
  { ref, common }: Pick<Rival, 'ref' | 'common'>,
  agree: number,
): boolean {
  const { confirmed } = chain.tip();
  const fork = common?.height ?? -1;
  if (confirmed === null || fork >= confirmed.height || ref.height > confirmed.height) return true;
  const supporters = witnesses.filter(({ place }) => (place?.common?.height ?? -1) >= confirmed.height);
  return supporters.length < agree;
}
