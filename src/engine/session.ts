import type {
  BlockRef,
  Frame,
  Peer,
  PeerStatus,
  PeerWithStatus,
  StreamRequest,
  Transport,
  WireComplete,
  WireItem,
} from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { BatchWriter, type BatchLimits } from './batch-writer.js';
import type { Chain } from '../chain/chain.js';
import { belowFinalized, type Branch, BranchProof, commonBlock, shorterBranch } from './fork.js';
import { nextHeight } from '../chain/links.js';
import type { Verifier } from '../chain/verifier.js';

/** What one connection to one peer needs. */
export interface SessionDeps {
  readonly chain: Chain;
  readonly transport: Transport;
  readonly peer: Peer;
  /** What the peer said of itself; `null` for a plain server. */
  readonly status: PeerStatus | null;
  readonly acceptCodecs: readonly string[];
  readonly to: number | null;
  /** Whether to go on with live blocks behind the peer's head. */
  readonly follow: boolean;
  readonly batch: BatchLimits;
  /** Further peers that blocks may be fetched from. */
  readonly others: readonly PeerWithStatus[];
  /** Whether a branch takes the place of ours when it is just as long; else it has to be longer. */
  readonly takesTies: boolean;
  /** Runs when one of the others failed. */
  onPeerFailure(peer: Peer, error: Error): void;
  /** Runs for each answer: its bytes, and how long it was waited for. @throws SyncError to give the peer up */
  onReceived(bytes: number, waitMs: number): void;
  /** Milliseconds on a monotonic clock. */
  now(): number;
  /** Resolves when more blocks may be made durable, or the signal has fired. */
  ready(signal: AbortSignal): Promise<void>;
  /** Runs after each durable batch. */
  onCommit(frames: readonly Frame[]): void;
  /** Runs when the peer repeated the newest block. */
  onRepeat(height: number): void;
  /** Runs when blocks were dropped, newest first. */
  onRollback(to: BlockRef, dropped: readonly BlockRef[]): void;
  /** Runs when all that the peer had is durable, and what comes now is live. */
  onLive(): void;
  /** Runs before a `FORKED` that the same peer may have got over when it is asked again. */
  readonly onPassing: (why: PassingFork, error: SyncError) => void;
}

/** The peer's chain forked while it was read, or its branch is shorter than ours, which it may not be for long. */
export type PassingFork = 'replaced' | 'shorter';

/**
 * Fetches, verifies and commits until the peer says it is complete; a session that follows goes on until it is called
 * off. A fork is resolved on the way.
 *
 * What was verified before a failure is made durable before the failure is thrown, so that the next session goes on
 * behind it.
 *
 * @throws SyncError
 */
export async function runSession(deps: SessionDeps, signal: AbortSignal): Promise<void> {
  const { head } = deps.chain.tip();
  try {
    await new Session(deps, signal, null).run(head);
  } catch (error) {
    const { ancestors } = isSyncError(error, 'FORKED') ? error.context : {};
    if (ancestors === undefined || head === null) throw error;
    await takeBranch(deps, signal, ancestors, head);
  }
}

/** Goes over to the peer's branch, on proof that there is one and that it is no shorter than ours. */
async function takeBranch(
  deps: SessionDeps,
  signal: AbortSignal,
  ancestors: readonly BlockRef[],
  head: BlockRef,
): Promise<void> {
  const { chain } = deps;
  const common = await commonBlock(chain, ancestors);
  checkLength(deps, head);
  try {
    await new Session(deps, signal, new BranchProof(chain, common, deps.batch, deps.takesTies)).run(common);
  } catch (error) {
    const { finalized } = chain.tip();
    if (!isSyncError(error, 'FORKED') || error.context.ancestors === undefined) throw error;
    if (finalized?.height === common.height) throw belowFinalized(finalized, deps.peer, error);
    deps.onPassing('replaced', error);
    throw error;
  }
}

/** @throws SyncError when the peer itself says that its branch is too short. */
function checkLength({ status, takesTies, onPassing }: SessionDeps, head: BlockRef): void {
  const claimed = status?.head?.height ?? Infinity;
  if (claimed >= head.height + (takesTies ? 0 : 1)) return;
  const error = shorterBranch(claimed, head);
  onPassing('shorter', error);
  throw error;
}

class Session {
  readonly #deps: SessionDeps;
  readonly #signal: AbortSignal;
  readonly #writer: BatchWriter;
  /** Where blocks wait while it is open which branch wins; `null` when they go to the store. */
  #proof: BranchProof | null;
  #verifier: Verifier;
  #begun = false;

  constructor(deps: SessionDeps, signal: AbortSignal, proof: BranchProof | null) {
    const { chain } = deps;
    this.#deps = deps;
    this.#signal = signal;
    this.#proof = proof;
    this.#verifier = chain.verifier();
    this.#writer = new BatchWriter(async (frames) => {
      await deps.ready(signal);
      await chain.commit(frames, this.#commitOptions());
    }, deps.batch);
  }

  /** @param after - the block of our chain to go on from. */
  async run(after: BlockRef | null): Promise<void> {
    const { chain, to } = this.#deps;
    if (this.#proof !== null) this.#verifier = chain.verifier({ head: after, base: chain.tip().base });
    try {
      const complete = await this.#receive(after);
      if (this.#proof === null) checkComplete(complete, this.#head, to);
      else throw this.#keepOurs(this.#proof);
    } finally {
      await this.#writer.flush();
    }
  }

  get #head(): BlockRef | null {
    return this.#verifier.appendPoint.head;
  }

  #commitOptions(): Parameters<Chain['commit']>[1] {
    const onDurable = (frames: readonly Frame[]): void => {
      this.#deps.onCommit(frames);
    };
    return { onDurable, signal: this.#signal };
  }

  #request(after: BlockRef | null): StreamRequest {
    const { chain, peer, to, acceptCodecs, follow, others } = this.#deps;
    return {
      peer,
      after,
      from: nextHeight(this.#verifier.appendPoint),
      to,
      acceptCodecs,
      follow,
      describe: (bytes, codec) => chain.describe(bytes, codec),
      others,
      onPeerFailure: (failed, error) => {
        this.#deps.onPeerFailure(failed, error);
      },
    };
  }

  async #receive(after: BlockRef | null): Promise<WireComplete | null> {
    const { transport, to, follow } = this.#deps;
    const now = (): number => this.#deps.now();
    try {
      let waitsSinceMs = now();
      for await (const items of transport.open(this.#request(after), { signal: this.#signal })) {
        this.#begun = true;
        this.#deps.onReceived(bytesOf(items), now() - waitsSinceMs);
        const complete = await this.#take(items);
        if (isDone(this.#head, to)) return complete;
        if (complete !== null && !follow) return complete;
        waitsSinceMs = now();
      }
      return null;
    } catch (error) {
      // The peer's chain forked in the middle of the answer: asked again, it names what there is in common.
      if (isSyncError(error, 'FORKED') && (this.#begun || error.context.ancestors === undefined))
        this.#deps.onPassing('replaced', error);
      throw error;
    }
  }

  async #take(items: readonly WireItem[]): Promise<WireComplete | null> {
    const { to, follow } = this.#deps;
    let frames: Frame[] = [];
    let complete: WireComplete | null = null;
    try {
      for (const item of items) {
        if (item.kind === 'frame') {
          if (!isDone(this.#head, to)) this.#verify(item, frames);
          continue;
        }
        const verified = frames;
        frames = [];
        await this.#push(verified);
        if (item.kind === 'rollback') await this.#rollback(item.to);
        else complete = item;
        if (item.kind === 'complete' && follow) await this.#goLive(item);
      }
    } finally {
      await this.#push(frames);
    }
    return complete;
  }

  #verify(item: Extract<WireItem, { kind: 'frame' }>, frames: Frame[]): void {
    const frame = this.#verified(item);
    if (frame === null) this.#deps.onRepeat(this.#head?.height ?? 0);
    else frames.push(frame);
  }

  /** @throws SyncError naming the peer that sent the block, where it is not the one that was asked */
  #verified(item: Extract<WireItem, { kind: 'frame' }>): Frame | null {
    try {
      return this.#verifier.wireFrame(item);
    } catch (error) {
      throw item.peer !== undefined && isSyncError(error) ? error.at({ peer: item.peer.url }) : error;
    }
  }

  async #push(frames: readonly Frame[]): Promise<void> {
    if (frames.length === 0) return;
    if (this.#proof === null) {
      await this.#writer.push(frames);
      return;
    }
    const branch = await this.#proof.add(frames);
    if (branch === null) return;
    this.#proof = null;
    await this.#replace(branch);
  }

  async #replace({ common, frames }: Branch): Promise<void> {
    await this.#deps.chain.replace(common, frames, {
      ...this.#commitOptions(),
      onDropped: (dropped) => {
        if (dropped.length > 0) this.#deps.onRollback(common, dropped);
      },
    });
  }

  async #goLive(complete: WireComplete): Promise<void> {
    if (this.#proof !== null) throw this.#keepOurs(this.#proof);
    await this.#writer.flush();
    checkComplete(complete, this.#head, this.#deps.to);
    this.#deps.onLive();
  }

  /** The peer drops blocks that it has sent. */
  async #rollback(to: BlockRef): Promise<void> {
    const { chain, follow, peer } = this.#deps;
    if (!follow) throw unexpectedRollback(to);
    if (this.#proof !== null) throw this.#keepOurs(this.#proof);
    await this.#writer.flush();
    const { finalized } = chain.tip();
    if (finalized !== null && to.height < finalized.height) throw belowFinalized(finalized, peer);
    if (!(await chain.holds(to))) throw foreignRollback(to);
    const dropped = await chain.rollback(to);
    this.#verifier = chain.verifier();
    if (dropped.length > 0) this.#deps.onRollback(to, dropped);
  }

  #keepOurs(proof: BranchProof): SyncError {
    const error = proof.shorter();
    this.#deps.onPassing('shorter', error);
    return error;
  }
}

function bytesOf(items: readonly WireItem[]): number {
  let bytes = 0;
  for (const item of items) if (item.kind === 'frame') bytes += item.bytes.byteLength;
  return bytes;
}

function isDone(head: BlockRef | null, to: number | null): boolean {
  return to !== null && head !== null && head.height >= to;
}

function unexpectedRollback(to: BlockRef): SyncError {
  const message = `The peer sent a rollback to block ${to.height} in a stream that does not follow.`;
  return new SyncError('PROTOCOL_VIOLATION', message, { height: to.height });
}

function foreignRollback({ height, hash }: BlockRef): SyncError {
  const message = `The peer sent a rollback to block ${height} ${hash}, which it has not sent before.`;
  return new SyncError('PROTOCOL_VIOLATION', message, { height });
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
