import type { BlockRef, Peer, PeerStatus, Transport } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import { within } from '../../internal/deadline.js';
import type { PeerRecord } from './peer-record.js';

/** What asking peers for their status works with. */
export interface SurveyDeps {
  /** The status document is the same whoever asks for it. */
  readonly transport: Pick<Transport, 'status'>;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** Throws when the peer serves another chain than this node's. */
  check(status: PeerStatus): void;
  /** A peer did not answer, or not as it should. */
  onFailure(record: PeerRecord, error: SyncError): void;
}

/** Asks one peer for its status, and notes what it says and how long it took. */
export async function askStatus(
  deps: Pick<SurveyDeps, 'transport' | 'now'>,
  record: PeerRecord,
  signal: AbortSignal,
): Promise<PeerStatus | null> {
  const { transport, now } = deps;
  const startMs = now();
  const status = await transport.status(record.peer, { signal });
  record.latencyMs.add(now() - startMs);
  record.status = status;
  return status;
}

/** Asks peers for their status, all at once. Resolves when each has answered or failed, or the time is over. */
export async function survey(
  deps: SurveyDeps,
  records: readonly PeerRecord[],
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  await within(withinMs, signal, (inner) =>
    Promise.all(records.map((record) => surveyOne(deps, record, { inner, outer: signal }))),
  );
  throwIfAborted(signal);
}

/** @param outer - that of whoever asks; what it fires with is no fault of a peer's. */
async function surveyOne(
  deps: SurveyDeps,
  record: PeerRecord,
  { inner, outer }: { readonly inner: AbortSignal; readonly outer: AbortSignal },
): Promise<void> {
  try {
    const status = await askStatus(deps, record, inner);
    if (status !== null) deps.check(status);
  } catch (error) {
    record.status = null;
    if (!isSyncError(error)) throw error;
    if (outer.aborted || error.code === 'ABORTED') return;
    deps.onFailure(record, error.at({ peer: record.peer.url }));
  }
}

/** Whether a peer's word and the node's head are at odds, and how. */
export type Claim = 'same' | 'ahead' | 'behind' | 'other' | 'none';

/** Compares what a peer claims with a head that was verified here. */
export function claimOf(status: PeerStatus | null, head: { height: number; hash: string } | null): Claim {
  const claimed = status?.head ?? null;
  if (claimed === null) return 'none';
  if (head === null || claimed.height > head.height) return 'ahead';
  if (claimed.height < head.height) return 'behind';
  return claimed.hash === head.hash ? 'same' : 'other';
}

/**
 * The error for a peer that has sent all it had and not what it claimed when it was asked; `null` when it has kept its
 * word, or claimed nothing.
 *
 * @param head - the newest block here.
 */
export function unmetClaim({ peer, status }: PeerRecord, head: BlockRef | null): SyncError | null {
  const claimed = status?.head ?? null;
  const claim = claimOf(status, head);
  if (claimed === null || (claim !== 'ahead' && claim !== 'other')) return null;
  const here = head === null ? 'no block' : `block ${head.height} ${head.hash}`;
  const message = `${peer.url} claims block ${claimed.height} ${claimed.hash} as its head, and has sent ${here}.`;
  return new SyncError('HEAD_UNPROVED', message, { height: claimed.height, peer: peer.url });
}

/** The peers of a list that tiles can be fetched from as well. */
export function asOthers(
  records: readonly PeerRecord[],
  asked: Peer,
): readonly { readonly peer: Peer; readonly status: PeerStatus }[] {
  return records.flatMap(({ peer, status }) => (peer === asked || status === null ? [] : [{ peer, status }]));
}
