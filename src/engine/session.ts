import type {
  BlockRef,
  Frame,
  Peer,
  PeerStatus,
  Transport,
  WireComplete,
  WireItem,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { BatchWriter, type BatchLimits } from './batch-writer.js';
import type { Chain } from './chain.js';
import type { Verifier } from './verifier.js';

/** What one connection to one peer needs. */
export interface SessionDeps {
  readonly chain: Chain;
  readonly transport: Transport;
  readonly peer: Peer;
  /** What the peer said of itself; `null` for a plain server. */
  readonly status: PeerStatus | null;
  readonly acceptCodecs: readonly string[];
  readonly to: number | null;
  readonly batch: BatchLimits;
  /** Runs after each durable batch. */
  onCommit(frames: readonly Frame[]): void;
  /** Runs when the peer repeated the newest block. */
  onRepeat(height: number): void;
}

/**
 * Fetches, verifies and commits until the peer says it is complete.
 *
 * What was verified before a failure is made durable before the failure is thrown, so that the next session goes on
 * behind it.
 *
 * @throws SyncError
 */
export async function runSession(deps: SessionDeps, signal: AbortSignal): Promise<void> {
  const { chain } = deps;
  const verifier = chain.verifier();
  const onDurable = (frames: readonly Frame[]): void => {
    deps.onCommit(frames);
  };
  const writer = new BatchWriter((frames) => chain.commit(frames, { onDurable, signal }), deps.batch);
  try {
    const complete = await receive(deps, verifier, writer, signal);
    checkComplete(complete, verifier.place.head, deps.to);
  } finally {
    await writer.flush();
  }
}

async function receive(
  deps: SessionDeps,
  verifier: Verifier,
  writer: BatchWriter,
  signal: AbortSignal,
): Promise<WireComplete | null> {
  const { chain } = deps;
  const { head, base } = verifier.place;
  const request = {
    peer: deps.peer,
    after: head,
    from: head === null ? base : head.height + 1,
    to: deps.to,
    acceptCodecs: deps.acceptCodecs,
    follow: false,
    describe: (document: Uint8Array) => chain.describe(document),
  };
  let complete: WireComplete | null = null;
  for await (const items of deps.transport.open(request, { signal })) {
    complete = await takeItems(items, deps, verifier, writer);
    if (complete !== null || isDone(verifier.place.head, deps.to)) break;
  }
  return complete;
}

function isDone(head: BlockRef | null, to: number | null): boolean {
  return to !== null && head !== null && head.height >= to;
}

async function takeItems(
  items: readonly WireItem[],
  deps: SessionDeps,
  verifier: Verifier,
  writer: BatchWriter,
): Promise<WireComplete | null> {
  const frames: Frame[] = [];
  let complete: WireComplete | null = null;
  try {
    for (const item of items) {
      if (item.kind === 'complete') complete = item;
      else if (item.kind === 'rollback') throw unexpectedRollback(item.to);
      else if (!isDone(verifier.place.head, deps.to)) {
        const frame = verifier.wireFrame(item);
        if (frame === null) deps.onRepeat(verifier.place.head?.height ?? 0);
        else frames.push(frame);
      }
    }
  } finally {
    await writer.push(frames);
  }
  return complete;
}

function unexpectedRollback(to: BlockRef): SyncError {
  const message = `The peer sent a rollback to block ${to.height} in a stream that does not follow.`;
  return new SyncError('PROTOCOL_VIOLATION', message, { height: to.height });
}

/** A peer that ends with a head it has not delivered is not believed; one that ends below ours is merely behind. */
function checkComplete(complete: WireComplete | null, head: BlockRef | null, to: number | null): void {
  const claimed = complete?.head ?? null;
  if (claimed === null || isDone(head, to)) return;
  const height = head === null ? -1 : head.height;
  if (claimed.height > height) throw undelivered(claimed.height, height);
  if (head !== null && claimed.height === height) checkSameHead(claimed.hash, head);
}

function undelivered(claimed: number, height: number): SyncError {
  const message = `The peer claims block ${claimed} as its head, but its stream ended at block ${height}.`;
  return new SyncError('HEAD_UNPROVED', message, { height: claimed });
}

function checkSameHead(claimed: string | null, head: BlockRef): void {
  if (claimed === null || claimed === head.hash) return;
  const message = `The peer claims ${claimed} at height ${head.height}, but the block here is ${head.hash}.`;
  throw new SyncError('FORKED', message, { height: head.height });
}
