import type {
  BlockRef,
  Frame,
  Peer,
  PeerStatus,
  StreamRequest,
  WireComplete,
  WireFrame,
  WireItem,
} from '../../contracts/index.js';
import { isSyncError, type SyncError } from '../../errors/index.js';
import { nextHeight } from '../../chain/links.js';
import type { Verifier } from '../../chain/verifier.js';
import { checkComplete, checkRollback, isDone, unexpectedRollback } from './claims.js';
import type { PassingFork } from './fact.js';
import { belowFinalized, BranchProof, commonBlock, isTooShort, shorterBranch } from './fork.js';
import { SessionWriter, type SessionWriterDeps } from './session-writer.js';
import {
  answered,
  ASKING,
  isAsking,
  isOnBranch,
  type OnBranch,
  type Proving,
  type SessionState,
} from './state.js';

/** What a session works with. */
export interface SessionDeps extends SessionWriterDeps {
  readonly peer: Peer;
  /** What the peer said of itself; `null` for a plain server. */
  readonly status: PeerStatus | null;
  readonly to: number | null;
  /** Whether to go on with live blocks behind the peer's head. */
  readonly follow: boolean;
  /** Whether a branch takes the place of ours when it is just as long; else it has to be longer. */
  readonly takesTies: boolean;
  /** Asks the peer. */
  open(range: Pick<StreamRequest, 'after' | 'from'>, signal: AbortSignal): AsyncIterable<readonly WireItem[]>;
}

/**
 * Fetches, verifies and commits until the peer says it is complete; a session that follows goes on until it is called
 * off. A fork is resolved on the way.
 *
 * What was verified before a failure is made durable before the failure is thrown, so that the next session goes on
 * behind it.
 *
 * @throws SyncError
 */
export function runSession(deps: SessionDeps, signal: AbortSignal): Promise<void> {
  return new Session(deps, signal).run();
}

class Session {
  readonly #deps: SessionDeps;
  readonly #signal: AbortSignal;
  readonly #writer: SessionWriter;
  #state: SessionState = ASKING;
  #verifier: Verifier;
  /** The fork that was told of; `null` when none was. */
  #fork: PassingFork | null = null;

  constructor(deps: SessionDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#verifier = deps.chain.verifier();
    this.#writer = new SessionWriter(deps, signal);
  }

  async run(): Promise<void> {
    const { head } = this.#deps.chain.tip();
    try {
      await this.#fetch(head);
    } catch (error) {
      const { ancestors } = isSyncError(error, 'FORKED') ? error.context : {};
      if (ancestors === undefined || head === null) throw error;
      await this.#takeBranch(ancestors, head);
    }
  }

  /** Goes over to the peer's branch, on proof that there is one and that it is no shorter than ours. */
  async #takeBranch(ancestors: readonly BlockRef[], head: BlockRef): Promise<void> {
    const { chain, peer, batch, takesTies } = this.#deps;
    const state = this.#state;
    if (isOnBranch(state)) throw new TypeError('A session takes one branch at most.');
    const common = await commonBlock(chain, ancestors);
    this.#checkLength(head);
    this.#verifier = chain.verifier({ head: common, base: chain.tip().base });
    this.#state = state.branched(new BranchProof(chain, common, batch, takesTies));
    try {
      await this.#fetch(common);
    } catch (error) {
      const { finalized } = chain.tip();
      if (!isSyncError(error, 'FORKED') || error.context.ancestors === undefined) throw error;
      if (finalized?.height === common.height) throw belowFinalized(finalized, peer, error);
      throw this.#passing('replaced', error);
    }
  }

  /** @throws SyncError when the peer itself says that its branch is too short. */
  #checkLength(head: BlockRef): void {
    const { status, takesTies } = this.#deps;
    const claimed = status?.head?.height ?? Infinity;
    if (isTooShort(claimed, head, takesTies)) throw this.#passing('shorter', shorterBranch(claimed, head));
  }

  /** @param after - the block of our chain to go on from. */
  async #fetch(after: BlockRef | null): Promise<void> {
    try {
      const complete = await this.#receive(after);
      if (isOnBranch(this.#state)) throw this.#keepOurs(this.#state);
      checkComplete(complete, this.#head, this.#deps.to);
    } finally {
      await this.#writer.flush();
    }
  }

  get #head(): BlockRef | null {
    return this.#verifier.appendPoint.head;
  }

  async #receive(after: BlockRef | null): Promise<WireComplete | null> {
    const { to, follow } = this.#deps;
    const from = nextHeight(this.#verifier.appendPoint);
    try {
      for await (const items of this.#deps.open({ after, from }, this.#signal)) {
        this.#state = answered(this.#state);
        const complete = await this.#take(items);
        if (isDone(this.#head, to)) return complete;
        if (complete !== null && !follow) return complete;
      }
      return null;
    } catch (error) {
      // The peer's chain forked in the middle of the answer: asked again, it names what there is in common.
      if (isSyncError(error, 'FORKED') && (!isAsking(this.#state) || error.context.ancestors === undefined))
        throw this.#passing('replaced', error);
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

  #verify(item: WireFrame, frames: Frame[]): void {
    const frame = this.#verified(item);
    if (frame !== null) frames.push(frame);
    else this.#deps.onFact({ kind: 'repeat', height: this.#head?.height ?? 0 });
  }

  /** @throws SyncError naming the peer that sent the block, where it is not the one that was asked */
  #verified(item: WireFrame): Frame | null {
    try {
      return this.#verifier.wireFrame(item);
    } catch (error) {
      throw item.peer !== undefined && isSyncError(error) ? error.at({ peer: item.peer.url }) : error;
    }
  }

  async #push(frames: readonly Frame[]): Promise<void> {
    if (frames.length === 0) return;
    const state = answered(this.#state);
    if (state.at === 'proving') await this.#prove(state, frames);
    else await this.#writer.push(frames);
  }

  async #prove(state: Proving, frames: readonly Frame[]): Promise<void> {
    const branch = await state.proof.add(frames);
    if (branch === null) return;
    this.#state = state.proved();
    await this.#writer.replace(branch.common, branch.frames);
  }

  async #goLive(complete: WireComplete): Promise<void> {
    const state = answered(this.#state);
    if (state.at === 'proving') throw this.#keepOurs(state);
    await this.#writer.flush();
    checkComplete(complete, this.#head, this.#deps.to);
    this.#state = state.wentLive();
    this.#deps.onFact({ kind: 'live' });
  }

  /** The peer drops blocks that it has sent. */
  async #rollback(to: BlockRef): Promise<void> {
    const { chain, follow, peer } = this.#deps;
    const state = answered(this.#state);
    if (!follow) throw unexpectedRollback(to);
    if (state.at === 'proving') throw this.#keepOurs(state);
    await this.#writer.flush();
    await checkRollback(chain, to, peer);
    await this.#writer.replace(to, []);
    this.#verifier = chain.verifier();
  }

  #keepOurs({ proof }: OnBranch): SyncError {
    return this.#passing('shorter', proof.shorter());
  }

  /** Tells of a fork that may pass, once: what made the session fail comes first. @returns the error, to be thrown */
  #passing(fork: PassingFork, error: SyncError): SyncError {
    if (this.#fork === null) this.#deps.onFact({ kind: 'fork', fork, error });
    this.#fork ??= fork;
    return error;
  }
}
