import type { BlockRef, PeerStatus } from '../../contracts/index.js';
import { negotiateCodecs } from '../handshake.js';
import type { Candidate } from './hedge.js';
import type { PeerRecord } from './peer-record.js';

/** A peer so many blocks ahead at most is asked for what comes at once, so that another may be asked for the same. */
const NEAR_BLOCKS = 64;
/** Peers that are asked for the same thing at most. */
const HEDGE_PEERS = 3;

/**
 * Who may be asked for the next blocks in place of a peer, itself first: those that claim as much. Near the head only,
 * where an answer comes at once.
 *
 * @param head - the newest block here.
 */
export function candidatesFor(
  record: PeerRecord,
  ready: readonly PeerRecord[],
  head: BlockRef | null,
  codecs: readonly string[],
): readonly Candidate[] {
  const height = head?.height ?? -1;
  const claimed = headOf(record.status);
  if (claimed === null || claimed - height > NEAR_BLOCKS) return [];
  const others = ready.filter((other) => {
    const theirs = headOf(other.status);
    return other !== record && theirs !== null && theirs >= claimed && theirs - height <= NEAR_BLOCKS;
  });
  return [record, ...others].slice(0, HEDGE_PEERS).flatMap(({ peer, status }) => {
    const acceptCodecs = streamCodecs(codecs, status);
    return acceptCodecs === null ? [] : [{ peer, acceptCodecs }];
  });
}

function streamCodecs(codecs: readonly string[], status: PeerStatus | null): readonly string[] | null {
  try {
    return negotiateCodecs(codecs, status, 'stream');
  } catch {
    return null;
  }
}

function headOf(status: PeerStatus | null): number | null {
  return status?.head?.height ?? null;
}
