import type {
  BlockRef,
  CommitTile,
  Frame,
  Peer,
  PeerStatus,
  StreamRequest,
  WireComplete,
  WireFrame,
  WireItem,
  WireTile,
} from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import type { RollbackLimit } from '../peers/rollback-limit.js';
import { Branch, type BranchRules } from './branch.js';
import { checkComplete, checkRollback, isDone, unexpectedRollback } from './claims.js';
import type { PassingFork } from './fact.js';
import { belowFinalized, commonBlock, shorterBranch } from './fork.js';
import { PeerVerifier } from './peer-verifier.js';
import { claimedTooShort, isWorthAsking } from './claimed-branch.js';
import { SessionWriter, type SessionWriterDeps } from './session-writer.js';
import { isOnNewPage, tileFork } from './tile-fork.js';
import {
  answered,
  ASKING,
  type Committing,
  isAsking,
  isLive,
  isOnBranch,
  type Live,
  type OnBranch,
  type Proving,
  type SessionState,
} from './state.js';

/** What a session asks for. */
export type SessionRange = Pick<StreamRequest, 'after' | 'from'> &
  Partial<Pick<StreamRequest, 'to' | 'follow'>>;

/** What a session works with. */
export interface SessionDeps extends SessionWriterDeps {
  readonly peer: Peer;
  /** What the peer said of itself; `null` for a plain server. */
  readonly status: PeerStatus | null;
  readonly to: number | null;
  /** Whether to go on with live blocks behind the peer's head. */
  readonly follow: boolean;
  /** What a branch of the peer needs to take the place of ours. */
  readonly branches: BranchRules;
  /** Whether the peer's word is enough to drop blocks of ours that other peers have not confirmed. */
  readonly trustsRollbacks: boolean;
  readonly rollbackLimit: RollbackLimit;
  /** Whether a stream that its server has ended in good order is asked for again at once. */
  readonly reopens: () => boolean;
  /** Whether the answer that is followed was ended here, for another way to go on. */
  readonly isOver: () => boolean;
  /** Asks the peer, for all it has unless the range says less. */
  open(range: SessionRange, signal: AbortSignal): AsyncIterable<readonly WireItem[]>;
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
  readonly #verifier: PeerVerifier;
  #state: SessionState = ASKING;
  /** The fork that was told of; `null` when none was. */
  #fork: PassingFork | null = null;

  constructor(deps: SessionDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
    this.#verifier = new PeerVerifier(deps, () => isLive(this.#state));
    this.#writer = new SessionWriter(deps, signal);
  }

  async run(): Promise<void> {
    const { head } = this.#deps.chain.tip();
    // The host may have rolled back further than a branch could.
    if (head !== null) await this.#verifier.restart(head);
    try {
      await this.#fetch(await this.#start(head));
    } catch (error) {
      const { ancestors } = isSyncError(error, 'FORKED') ? error.context : {};
      if (ancestors === undefined || head === null) throw error;
      await this.#takeBranch(ancestors, head);
    }
  }

  /**
   * The block of our chain to go on from: our head, or what we have at the height of a peer that is somewhat behind. Asked
   * for more than it has, a peer would end the stream; so it is followed, and seen to be on our branch or on another.
   */
  async #start(head: BlockRef | null): Promise<BlockRef | null> {
    const { chain, status } = this.#deps;
    const theirs = status?.head ?? null;
    if (head === null || theirs === null || theirs.height >= head.height) return head;
    if (!(await isWorthAsking(this.#deps, theirs, head, this.#signal))) return head;
    const header = await chain.header(theirs.height);
    if (header === null) return head;
    const branch = await this.#branchAt({ height: theirs.height, hash: header.hash });
    this.#state = ASKING.branched(branch);
    return header;
  }

  /** Asks for the peer's branch, which takes the place of ours once it is proved. */
  async #takeBranch(ancestors: readonly BlockRef[], head: BlockRef): Promise<void> {
    const { chain, peer } = this.#deps;
    const common = await commonBlock(chain, ancestors);
    const tooShort = await claimedTooShort(this.#deps, head, this.#signal);
    if (tooShort !== null) throw this.#passing('shorter', shorterBranch(tooShort.height, head));
    const branch = await this.#branchAt(common);
    this.#state = this.#state.branched(branch);
    try {
      await this.#fetch(common);
    } catch (error) {
      const { finalized } = chain.tip();
      if (!isSyncError(error, 'FORKED') || error.context.ancestors === undefined) throw error;
      if (finalized?.height === common.height) throw belowFinalized(finalized, peer, error);
      throw this.#passing('replaced', error);
    }
  }

  /** The peer's chain from a block of ours on. */
  async #branchAt(common: BlockRef): Promise<Branch> {
    const { chain, branches } = this.#deps;
    await this.#verifier.restart(common);
    return new Branch(chain, common, branches);
  }

  /** @param after - the block of our chain to go on from. */
  async #fetch(after: BlockRef | null): Promise<void> {
    try {
      const complete = await this.#receive(after);
      if (isOnBranch(this.#state)) await this.#endOnBranch(this.#state);
      checkComplete(complete, this.#verifier.head, this.#deps.to);
    } finally {
      await this.#writer.flush();
    }
  }

  /** The answer is over, and the peer's branch is not long enough. */
  async #endOnBranch({ branch }: OnBranch): Promise<void> {
    if (!this.#trusts(branch)) throw this.#passing('shorter', shorterBranch(branch.head.height, branch.ours));
    await this.#take(branch);
  }

  async #receive(after: BlockRef | null): Promise<WireComplete | null> {
    try {
      let complete = await this.#answer(after);
      while (complete !== null && this.#asksAgain()) complete = await this.#answer(this.#verifier.head);
      return complete;
    } catch (error) {
      // The peer's chain forked in the middle of the answer: asked again, it names what there is in common.
      if (isSyncError(error, 'FORKED') && (!isAsking(this.#state) || error.context.ancestors === undefined))
        throw this.#passing('replaced', error);
      throw error;
    }
  }

  /** Takes an answer; one that tells of a fork while it is followed has rolled back, and is asked for the rest. */
  async #answer(after: BlockRef | null): Promise<WireComplete | null> {
    for (let asked = after; ; asked = this.#verifier.head) {
      try {
        return await this.#takeAnswer(asked);
      } catch (error) {
        if (!(await this.#wentBack(error))) throw error;
      }
    }
  }

  /** Whether a live peer has gone over to another branch, which leaves ours at a block that it names. */
  async #wentBack(error: unknown): Promise<boolean> {
    const { ancestors } = isSyncError(error, 'FORKED') ? error.context : {};
    const { head } = this.#verifier;
    if (ancestors === undefined || head === null || !isLive(this.#state)) return false;
    const common = await commonBlock(this.#deps.chain, ancestors);
    // One that names the very block that it denies contradicts itself.
    if (common.height >= head.height) return false;
    await this.#rollback(common);
    return true;
  }

  /** @returns the last `complete`; `null` for none */
  async #takeAnswer(after: BlockRef | null): Promise<WireComplete | null> {
    const { to, follow } = this.#deps;
    const from = this.#verifier.nextHeight;
    let last: WireComplete | null = null;
    for await (const items of this.#deps.open({ after, from }, this.#signal)) {
      const [first] = items;
      if (first?.kind === 'tile' && isAsking(this.#state)) this.#checkFork(first);
      this.#state = answered(this.#state);
      const complete = await this.#takeItems(items);
      last = complete ?? last;
      if (isDone(this.#verifier.head, to)) return last;
      if (complete !== null && !follow) return last;
    }
    return last;
  }

  /**
   * Whether an answer is over that was followed: its server ends it after a time, and the node is no less up to date.
   *
   * @throws SyncError `STREAM_TRUNCATED` when that came too soon
   */
  #asksAgain(): boolean {
    const { to, follow, reopens, isOver } = this.#deps;
    if (!follow || isDone(this.#verifier.head, to) || isOnBranch(this.#state) || isOver()) return false;
    if (!reopens()) throw new SyncError('STREAM_TRUNCATED', 'The peer ended the stream that was followed.');
    this.#state = ASKING;
    return true;
  }

  async #takeItems(items: readonly WireItem[]): Promise<WireComplete | null> {
    const { to } = this.#deps;
    let frames: Frame[] = [];
    let complete: WireComplete | null = null;
    try {
      for (const item of items) {
        if (item.kind === 'frame') {
          if (!isDone(this.#verifier.head, to)) this.#verify(item, frames);
          continue;
        }
        const verified = frames;
        frames = [];
        await this.#push(verified);
        complete = (await this.#takeOther(item)) ?? complete;
      }
    } finally {
      await this.#push(frames);
    }
    return complete;
  }

  /** @returns the item, if it says that all was sent */
  async #takeOther(item: Exclude<WireItem, WireFrame>): Promise<WireComplete | null> {
    if (item.kind === 'tile') await this.#takeTile(item);
    if (item.kind === 'rollback') await this.#rollback(item.to);
    if (item.kind !== 'complete') return null;
    if (this.#deps.follow) await this.#goLive(item);
    return item;
  }

  async #takeTile(item: WireTile): Promise<void> {
    const { to } = this.#deps;
    if (isDone(this.#verifier.head, to)) return;
    if (isOnNewPage(item.tile)) this.#checkFork(item);
    const taken = this.#verifier.tile(item.tile, to);
    await this.#push(taken.frames, taken.tile);
    if (taken.failure !== null) throw taken.failure;
  }

  /** @throws SyncError `FORKED` for a tile of another branch */
  #checkFork({ tile }: WireTile): void {
    const fork = tileFork(tile, this.#verifier.head);
    if (fork !== null) throw fork;
  }

  #verify(item: WireFrame, frames: Frame[]): void {
    const frame = this.#verifier.frame(item);
    if (frame !== null) frames.push(frame);
    else this.#deps.onFact({ kind: 'repeat', height: this.#verifier.head?.height ?? 0 });
  }

  async #push(frames: readonly Frame[], tile: CommitTile | null = null): Promise<void> {
    if (frames.length === 0) return;
    const state = answered(this.#state);
    if (state.at === 'proving') await this.#prove(state, frames);
    else await this.#writer.push(frames, tile);
  }

  async #prove(state: Proving, frames: readonly Frame[]): Promise<void> {
    const { branch } = state;
    await branch.add(frames);
    for (const found of await this.#deps.chain.equivocations(frames))
      this.#deps.onFact({ kind: 'equivocation', found });
    if (branch.isOurs) this.#settle(state);
    else if ((await branch.isEnough(this.#signal)) || (this.#trusts(branch) && branch.hasOwn))
      await this.#takeProved(state);
  }

  async #takeProved(state: Proving): Promise<void> {
    const { branches, rollbackLimit } = this.#deps;
    const { branch } = state;
    await this.#take(branch);
    this.#settle(state);
    if (branch.head.height === branch.ours?.height) branches.tookTie(branch.ours);
    rollbackLimit.replaced();
  }

  /** Both are on one chain again. */
  #settle(state: Proving): void {
    this.#state = state.settled();
    if (state.live === 'held') this.#deps.onFact({ kind: 'live' });
  }

  /** Puts a branch in the place of ours. */
  async #take(branch: Branch): Promise<void> {
    await this.#writer.replace(branch.common, branch.frames ?? (await this.#fetchAgain(branch)));
  }

  /** The blocks of a branch whose bodies were not kept. @throws SyncError `FORKED` when the peer has others now */
  async #fetchAgain({ common, head }: Branch): Promise<readonly Frame[]> {
    const range = { after: common, from: common.height + 1, to: head.height, follow: false };
    const frames = await this.#verifier.range(this.#deps.open(range, this.#signal), common, head.height);
    if (frames.at(-1)?.header.hash === head.hash) return frames;
    const message = `The peer's branch up to block ${head.height} ${head.hash} changed while it was fetched.`;
    throw this.#passing('replaced', new SyncError('FORKED', message, { height: head.height }));
  }

  async #goLive(complete: WireComplete): Promise<void> {
    const state = answered(this.#state);
    if (state.at === 'proving') {
      await this.#followBranch(state);
      return;
    }
    await this.#writer.flush();
    checkComplete(complete, this.#verifier.head, this.#deps.to);
    this.#state = state.wentLive();
    this.#deps.onFact({ kind: 'live' });
  }

  /** The peer is behind, not lying: it is followed until its branch has outgrown ours. */
  async #followBranch(state: Proving): Promise<void> {
    const { onFact } = this.#deps;
    const { branch } = state;
    const isTrusted = this.#trusts(branch);
    const isHeld = branch.hasOwn && branch.ours !== null && !isTrusted;
    if (isTrusted) await this.#takeProved(state.wentLive(false));
    else if (isHeld) onFact({ kind: 'held', ours: branch.ours, theirs: branch.head });
    else onFact({ kind: 'live' });
    if (!isTrusted) this.#state = state.wentLive(!isHeld);
  }

  /** The peer takes back blocks that it has sent: a claim, until others replace them. */
  async #rollback(to: BlockRef): Promise<void> {
    const { follow, rollbackLimit, onFact } = this.#deps;
    if (!follow) throw unexpectedRollback(to);
    await this.#writer.flush();
    const branch = await this.#goBack(answered(this.#state), to);
    if (branch === null) return;
    if (this.#trusts(branch)) {
      await this.#dropOnTrust(branch);
      return;
    }
    if (branch.ours !== null) onFact({ kind: 'held', ours: branch.ours, theirs: branch.head });
    rollbackLimit.held();
  }

  /** @returns the peer's chain from there on; `null` when it is ours */
  async #goBack(state: Proving | Committing | Live, to: BlockRef): Promise<Branch | null> {
    const { chain, peer } = this.#deps;
    const { head } = chain.tip();
    if (state.at === 'proving' && state.branch.truncate(to)) {
      await this.#verifier.restart(to);
      return state.branch;
    }
    if (state.at !== 'proving' && to.hash === head?.hash) return null;
    await checkRollback(chain, to, peer);
    const branch = await this.#branchAt(to);
    this.#state = state.at === 'proving' ? state.branched(branch) : state.wentBack(branch);
    return branch;
  }

  /** Whether the peer's word is enough to take its branch: not for blocks that others have confirmed. */
  #trusts(branch: Branch): boolean {
    return this.#deps.trustsRollbacks && !branch.needsAgreement;
  }

  /** The host has said that this peer's word is enough. */
  async #dropOnTrust(branch: Branch): Promise<void> {
    branch.checkDepth();
    await this.#writer.replace(branch.common, branch.frames ?? []);
    const state = answered(this.#state);
    if (state.at === 'proving') this.#settle(state);
  }

  /** Tells of a fork that may pass, once: what made the session fail comes first. @returns the error, to be thrown */
  #passing(fork: PassingFork, error: SyncError): SyncError {
    if (this.#fork === null) this.#deps.onFact({ kind: 'fork', fork, error });
    this.#fork ??= fork;
    return error;
  }
}
