import type { BlockRef } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { abortError, onAbort } from '../../internal/abort.js';
import type { EngineSettings } from '../engine-parts.js';
import type { EventHub } from '../events/event-hub.js';
import type { PeerBook } from '../peers/peer-book.js';
import type { PeerRecord } from '../peers/peer-record.js';
import { Backlog } from './backlog.js';
import type { Disagreement } from './disagreement.js';
import { findRivals, type Rival } from './rival.js';
import { Shortage } from './shortage.js';
import { TimedWakeUp } from './timed-wake-up.js';
import { Witness, type WitnessDeps } from './witness.js';

/** How often it is looked at what stays unconfirmed. */
const LOOK_MS = 1_000;
/** A branch that is long enough may be confirmed a moment later: so it is asked about again after these times. */
const PATIENCE_MS = [0, 250, 500, 1_000];

/** What was found about other branches counts for so long while one of them is fetched. */
const RECENT_MS = 2_000;

/** What confirming blocks works with. */
export interface ConfirmerDeps extends Omit<WitnessDeps, 'onAnswer'> {
  readonly settings: Pick<EngineSettings, 'agree' | 'confirmTimeoutMs' | 'headCheckMs' | 'limits'>;
  readonly book: PeerBook;
  readonly hub: EventHub;
  readonly disagreement: Disagreement;
}

/** The connection that blocks come by. */
export interface Followed {
  readonly record: PeerRecord;
  /** Ends it. */
  leave(error: SyncError): void;
}

/**
 * Has blocks of ours confirmed by as many peers as have to agree: each is asked by itself, and the newest block that
 * enough of them have is confirmed. Decides when another branch comes before ours, and tells who is missing.
 */
export class Confirmer {
  readonly #deps: ConfirmerDeps;
  readonly #witnesses: readonly Witness[];
  readonly #backlog: Backlog;
  readonly #shortage: Shortage;
  readonly #look = new TimedWakeUp();
  readonly #moved = new Set<() => void>();
  #followed: Followed | null = null;
  #followedSinceMs = -Infinity;
  /** Since when there is a block that is not confirmed, and nothing moves; `null` when there is none. */
  #stuckSinceMs: number | null = null;
  /** Since when as many peers as have to agree are on other branches; `null` when they are not. */
  #challengedSinceMs: number | null = null;
  #wasConfirmed: string | null = null;
  /** The head that has to be confirmed before the node counts as synced. */
  #mark: BlockRef | null = null;
  /** What the last peer was left for; `null` when none was. */
  #lost: Rival | null = null;
  #found: { readonly rivals: readonly Rival[]; readonly atMs: number } = { rivals: [], atMs: -Infinity };

  constructor(deps: ConfirmerDeps) {
    const { book, chain } = deps;
    const onAnswer = (): void => {
      this.#look.notify();
    };
    this.#deps = deps;
    this.#witnesses = book.usable.map((record) => new Witness({ ...deps, onAnswer }, record));
    this.#backlog = new Backlog(chain);
    this.#shortage = new Shortage({ chain, hub: deps.hub, agree: deps.settings.agree });
  }

  /** Whether the peers are still being asked about what is held, so that nothing has to be told yet. */
  get isAsking(): boolean {
    return !this.#isStuck;
  }

  /** Whether too few peers can be heard to confirm what is held. */
  get isWaiting(): boolean {
    return this.#shortage.isWaiting;
  }

  /** Asks until the signal fires. @throws SyncError `STORE_*`; when the signal fires */
  async run(signal: AbortSignal): Promise<never> {
    const { chain } = this.#deps;
    const unsubscribe = chain.subscribe((change) => {
      if (change.kind === 'extend') this.#backlog.add(change.frames);
      // What takes the place of it has its own time.
      else this.#stuckSinceMs = null;
      for (const witness of this.#witnesses)
        if (change.kind === 'rollback') witness.wentBack(change.to);
        else witness.notify();
      this.#look.notify();
    });
    const stopListening = onAbort(signal, () => {
      this.#stop(signal);
    });
    try {
      return await Promise.race([this.#watch(signal), ...this.#witnesses.map((each) => each.run())]);
    } finally {
      stopListening();
      unsubscribe();
      this.#stop(signal);
    }
  }

  #stop(signal: AbortSignal): void {
    for (const witness of this.#witnesses) witness.stop(abortError(signal));
  }

  /** Blocks come by another connection; `null` when by none. */
  follow(followed: Followed | null): void {
    this.#followed = followed;
    this.#followedSinceMs = this.#deps.now();
    this.#mark = null;
  }

  /** Resolves when there is room for so many more blocks above the confirmed one. @throws SyncError once the signal fires */
  async room(blocks: number, signal: AbortSignal): Promise<void> {
    await this.#until(() => !this.#backlog.isFullFor(blocks), signal);
  }

  /** Why the node does not count as caught up; `null` when its head is confirmed, or is about to be. */
  doubt(): SyncError | null {
    const { head, confirmed } = this.#deps.chain.tip();
    if (head === null || confirmed?.hash === head.hash) return null;
    if (this.#mark === null || this.#mark.height > head.height) this.#mark = head;
    if (confirmed !== null && confirmed.height >= this.#mark.height && !this.#isStuck) return null;
    return this.#unconfirmed(head);
  }

  /**
   * Resolves when what is held now is confirmed.
   *
   * @param record - the peer that has brought it.
   * @throws SyncError `PEER_OUTVOTED`, `HEADS_DISAGREE` when it is not in time
   */
  async settled(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { chain } = this.#deps;
    const { head } = chain.tip();
    if (head === null) return;
    const isConfirmed = (): boolean => (chain.tip().confirmed?.height ?? -1) >= head.height;
    const sinceMs = this.#deps.now();
    const isLate = (): boolean => this.#deps.now() - sinceMs >= this.#deps.settings.confirmTimeoutMs;
    await this.#until(() => isConfirmed() || (this.#isStuck && isLate()), signal);
    if (isConfirmed()) return;
    const [rival] = await this.#rivals();
    throw rival === undefined ? this.#unconfirmed(head) : this.#outvoted(record, rival);
  }

  /**
   * Whether a branch comes before ours, as enough peers are on it.
   *
   * @param has - whether a block is on it.
   * @param isLong - whether it is longer than ours: then it is waited a moment for those who don't have it yet.
   */
  async prefers(has: (ref: BlockRef) => boolean, isLong: boolean, signal: AbortSignal): Promise<boolean> {
    for (const ms of isLong ? PATIENCE_MS : PATIENCE_MS.slice(0, 1)) {
      if (ms > 0) await new TimedWakeUp().wait(ms, signal);
      const rivals = this.#recentRivals ?? (await this.#rivals());
      // A branch that is not there yet is not waited for here.
      if (rivals.length > 0) return rivals.some(({ ref }) => has(ref));
    }
    return false;
  }

  /**
   * Drops what is not confirmed, where nothing else makes room for the branch of the others: they have no block in common
   * with ours, or there is to be none behind ours. Nobody was told of those blocks.
   *
   * @param isDone - whether no more blocks are wanted.
   */
  async makeRoom(isDone: boolean): Promise<readonly BlockRef[]> {
    const { chain } = this.#deps;
    const { confirmed } = chain.tip();
    const rival = this.#lost;
    this.#lost = null;
    if (rival === null || !(isDone || (rival.common === null && confirmed === null))) return [];
    return chain.rollback(confirmed);
  }

  /** Whether a peer is known to be on another branch: it is not its length that decides between the two. */
  isElsewhere(record: PeerRecord): boolean {
    return this.#witnesses.some((witness) => witness.record === record && witness.place?.differs === true);
  }

  /** Whether enough peers, this one among them, are on another branch, which comes before ours. */
  async prefersPeer(record: PeerRecord): Promise<boolean> {
    return (await this.#rivals()).some(({ holders }) => holders.includes(record));
  }

  /** A branch that comes in many pieces does not have the peers asked for each; `null` where nothing was found lately. */
  get #recentRivals(): readonly Rival[] | null {
    const { rivals, atMs } = this.#found;
    return rivals.length > 0 && this.#deps.now() - atMs < RECENT_MS ? rivals : null;
  }

  async #rivals(): Promise<readonly Rival[]> {
    await Promise.all(this.#heard.map((witness) => witness.ask()));
    const rivals = await findRivals(this.#deps, this.#heard, this.#deps.settings.agree);
    this.#found = { rivals, atMs: this.#deps.now() };
    return rivals;
  }

  get #heard(): readonly Witness[] {
    return this.#witnesses.filter(({ record }) => record.dropped === null);
  }

  get #isStuck(): boolean {
    return this.#stuckMs >= this.#deps.settings.confirmTimeoutMs;
  }

  /** Whether enough peers have been on other branches for so long that ours is no passing difference. */
  get #isChallenged(): boolean {
    const { now, settings } = this.#deps;
    return this.#challengedSinceMs !== null && now() - this.#challengedSinceMs >= settings.confirmTimeoutMs;
  }

  get #stuckMs(): number {
    return this.#stuckSinceMs === null ? 0 : this.#deps.now() - this.#stuckSinceMs;
  }

  async #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    while (!holds()) {
      const wake = new TimedWakeUp();
      const onMoved = (): void => {
        wake.notify();
      };
      this.#moved.add(onMoved);
      try {
        await wake.wait(LOOK_MS, signal);
      } finally {
        this.#moved.delete(onMoved);
      }
    }
  }

  async #watch(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#confirm();
      this.#noteMoves();
      this.#noteDissent();
      this.#tell();
      if (this.#isStuck || this.#isChallenged) await this.#giveWay();
      for (const listener of [...this.#moved]) listener();
      const isCalm = this.#stuckSinceMs === null && this.#challengedSinceMs === null;
      await this.#look.wait(isCalm ? Infinity : LOOK_MS, signal);
    }
  }

  /** The newest block that enough peers have is confirmed. */
  async #confirm(): Promise<void> {
    const { chain, settings } = this.#deps;
    const commons = this.#heard.flatMap(({ place }) => place?.common ?? []);
    const held: BlockRef[] = [];
    for (const ref of commons) if (await chain.holds(ref)) held.push(ref);
    held.sort((a, b) => b.height - a.height);
    const ref = held[settings.agree - 1];
    if (ref !== undefined && ref.height > (chain.tip().confirmed?.height ?? -1)) await chain.confirm(ref);
  }

  #noteMoves(): void {
    const { now, chain } = this.#deps;
    const { head, confirmed } = chain.tip();
    const before = this.#wasConfirmed;
    this.#wasConfirmed = confirmed?.hash ?? '';
    if (head === null || head.hash === confirmed?.hash) this.#stuckSinceMs = null;
    else if (this.#wasConfirmed !== before) this.#stuckSinceMs = now();
    else this.#stuckSinceMs ??= now();
  }

  #noteDissent(): void {
    const dissenters = this.#heard.filter(({ place }) => place?.differs === true).length;
    if (dissenters < this.#deps.settings.agree) this.#challengedSinceMs = null;
    else this.#challengedSinceMs ??= this.#deps.now();
  }

  #tell(): void {
    const { chain, disagreement } = this.#deps;
    disagreement.note(chain.tip().head, this.#heard);
    this.#shortage.note(this.#witnesses, {
      isStill: this.#stuckMs >= LOOK_MS,
      isConnected: this.#followed !== null,
    });
  }

  /** What is followed stays unconfirmed: another branch is looked for, and the connection left for it. */
  async #giveWay(): Promise<void> {
    const followed = this.#followed;
    const { now, settings } = this.#deps;
    // Each peer has as much time: the branch that it was asked for may be on its way.
    if (followed === null || now() - this.#followedSinceMs < settings.confirmTimeoutMs) return;
    const [rival] = await this.#rivals();
    if (rival === undefined || followed !== this.#followed) return;
    this.#followed = null;
    followed.leave(this.#outvoted(followed.record, rival));
  }

  /** Why a peer is left for one that enough others agree with, which is asked next. */
  #outvoted(record: PeerRecord, rival: Rival): SyncError {
    const { book } = this.#deps;
    const { ref, holders } = rival;
    this.#lost = rival;
    const { url } = record.peer;
    const where = { height: ref.height, peer: url };
    const at = holders.indexOf(record);
    // It may hold its own branch back, and so may the next one: each of them has its turn.
    const next = at < 0 ? undefined : holders[(at + 1) % holders.length]?.peer.url;
    if (next !== undefined) {
      const message = `${url} has not sent the branch that it is on by now; ${next} is asked for it.`;
      return new SyncError('PEER_BEHIND', message, { ...where, peer: next });
    }
    const [first] = holders;
    if (first !== undefined) book.prefer(first);
    const names = holders.map(({ peer }) => peer.url).join(', ');
    const message = `${names} have block ${ref.height} ${ref.hash}, which is not on the chain that ${url} sent.`;
    return new SyncError('PEER_OUTVOTED', message, where);
  }

  #unconfirmed({ height, hash }: BlockRef): SyncError {
    const { agree } = this.#deps.settings;
    const count = this.#heard.filter(({ place }) => (place?.common?.height ?? -1) >= height).length;
    const message = `${count} of the ${agree} peers that have to agree have block ${height} ${hash}.`;
    return new SyncError('HEADS_DISAGREE', message, { height });
  }
}
