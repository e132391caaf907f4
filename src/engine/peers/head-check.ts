import { isSyncError, SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import type { EngineSettings } from '../engine-parts.js';
import type { Chain } from '../../chain/chain.js';
import type { Confirmer } from '../agreement/confirmer.js';
import type { Disagreement } from '../agreement/disagreement.js';
import { isStatic } from '../peer-tiles.js';
import { locate, type LocateDeps, type Place } from '../agreement/locate.js';
import { within } from '../../internal/deadline.js';
import { askBehind } from './ask-behind.js';
import type { Freshness } from './freshness.js';
import type { PeerBook } from './peer-book.js';
import type { PeerRecord } from './peer-record.js';
import { claimOf, survey, type SurveyDeps } from './survey.js';

/** Peers that don't answer within this time have no say. */
const SURVEY_MS = 3_000;

/** What comparing the peers' heads with the node's works with. */
export interface HeadCheckDeps {
  readonly settings: Pick<EngineSettings, 'staleAfterMs'>;
  readonly book: PeerBook;
  readonly chain: Chain;
  readonly freshness: Freshness;
  readonly survey: SurveyDeps;
  readonly locate: LocateDeps;
  readonly acceptCodecs: readonly string[];
  readonly disagreement: Disagreement;
  /** Has blocks confirmed by other peers; `null` where what was verified is confirmed. */
  readonly confirmer: Confirmer | null;
}

/** A peer's word against the blocks that are here while it is followed; `open` where nothing is to be compared yet. */
export type OwnWord = 'kept' | 'broken' | 'open';

/** What the peers and the clock say of the node's head. */
export interface Verdict {
  /** A peer that claims more than this node has; `null` when none does. */
  readonly ahead: PeerRecord | null;
  /** Whether the head that the followed peer names is on this node's chain. */
  readonly own: OwnWord;
  /** Age of the newest block, in milliseconds. */
  readonly ageMs: number;
  /** Why the node does not count as caught up, whatever was verified; `null` when it does. */
  readonly doubt: SyncError | null;
  /** Whether the doubt is only that the other peers have not answered yet. */
  readonly isAsking: boolean;
  /** Whether too few peers can be heard to confirm what is held. */
  readonly isWaiting: boolean;
}

/** Compares the node's head with what all peers claim and with the clock. */
export class HeadCheck {
  readonly #deps: HeadCheckDeps;

  constructor(deps: HeadCheckDeps) {
    this.#deps = deps;
  }

  /** Whether there is anything to ask: with one peer, and no limit for the age, what was verified is all there is. */
  get isNeeded(): boolean {
    const { settings, book, confirmer } = this.#deps;
    return confirmer !== null || settings.staleAfterMs !== null || book.usable.length > 1;
  }

  /** @param from - the peer that has brought the node here. */
  async run(from: PeerRecord, signal: AbortSignal): Promise<Verdict> {
    const { book, chain, confirmer } = this.#deps;
    if (!this.isNeeded)
      return { ahead: null, own: 'open', ageMs: 0, doubt: null, isAsking: false, isWaiting: false };
    const records = book.ready.filter((record) => record !== from);
    // The peer itself is asked again as well: its head may have grown, or been a lie.
    const asked = records.length === 0 ? [] : [from, ...records];
    await survey(this.#deps.survey, asked, SURVEY_MS, signal);
    const { head } = chain.tip();
    if (claimOf(from.status, head) === 'same') book.met(from);
    const isElsewhere = (record: PeerRecord): boolean => confirmer?.isElsewhere(record) === true;
    const ahead = book.ready.filter(
      (record) => claimOf(record.status, head) === 'ahead' && !isElsewhere(record),
    );
    const ageMs = await this.#ageMs();
    return {
      ahead: ahead.find((record) => record !== from) ?? ahead[0] ?? null,
      own: asked.length === 0 ? 'open' : await this.#ownWord(from),
      ageMs,
      ...this.#doubt(ageMs),
    };
  }

  async #ownWord({ status }: PeerRecord): Promise<OwnWord> {
    const { chain } = this.#deps;
    const { head, base } = chain.tip();
    const claimed = status?.head ?? null;
    if (claimed === null || head === null || claimed.height > head.height || claimed.height < base)
      return 'open';
    return (await chain.holds(claimed)) ? 'kept' : 'broken';
  }

  #doubt(ageMs: number): Pick<Verdict, 'doubt' | 'isAsking' | 'isWaiting'> {
    const { confirmer } = this.#deps;
    const unconfirmed = confirmer?.doubt() ?? null;
    return {
      doubt: unconfirmed ?? this.#staleness(ageMs),
      isAsking: unconfirmed !== null && confirmer?.isAsking === true,
      isWaiting: confirmer?.isWaiting === true,
    };
  }

  /**
   * Has a peer show that it is ahead. One that can't is named and left alone.
   *
   * @returns whether it is worth leaving another one for.
   */
  async proves(record: PeerRecord, signal: AbortSignal): Promise<boolean> {
    const {
      chain,
      locate: { transport },
      acceptCodecs,
      survey: deps,
    } = this.#deps;
    const { head } = chain.tip();
    const claimed = record.status?.head ?? null;
    // What is in tiles shows only by being fetched.
    const isInTiles = isStatic(record.status) || transport.mode === 'tiles';
    if (head === null || claimed === null || isInTiles) return true;
    try {
      if ((await askBehind({ chain, transport, acceptCodecs }, record, head, signal)) !== 'nothing')
        return true;
      const message = `${record.peer.url} claims block ${claimed.height} and has nothing behind block ${head.height}.`;
      deps.onFailure(record, new SyncError('HEAD_UNPROVED', message, { height: claimed.height }));
    } catch (error) {
      throwIfAborted(signal);
      if (!isSyncError(error)) throw error;
      deps.onFailure(record, error.at({ peer: record.peer.url }));
    }
    return false;
  }

  /** Age of the newest block, in milliseconds. */
  async #ageMs(): Promise<number> {
    const { chain, freshness } = this.#deps;
    const { head } = chain.tip();
    return freshness.ageMs(head, head === null ? null : await chain.header(head.height));
  }

  /**
   * Tells of peers that are on other branches than ours, by the heads that they named just now. With several peers that
   * have to agree they are asked for our blocks anyway, and it is told there.
   */
  async tellBranches(signal: AbortSignal): Promise<void> {
    const { chain, book, confirmer, disagreement, locate: deps } = this.#deps;
    if (confirmer !== null || book.usable.length < 2) return;
    const records = book.ready;
    const { head } = chain.tip();
    const places = await Promise.all(records.map((record) => placeOf(deps, record, signal)));
    disagreement.note(
      head,
      records.map((record, at) => ({ record, place: places[at] ?? null })),
    );
  }

  #staleness(ageMs: number): SyncError | null {
    const { staleAfterMs } = this.#deps.settings;
    if (staleAfterMs === null || ageMs <= staleAfterMs) return null;
    const message = `The newest block is ${Math.round(ageMs / 1000)} s old, more than the ${Math.round(staleAfterMs / 1000)} s allowed.`;
    return new SyncError('HEAD_STALE', message);
  }
}

/** Where a peer is that has just named its head; `null` when it can't be found out. */
async function placeOf(deps: LocateDeps, record: PeerRecord, signal: AbortSignal): Promise<Place | null> {
  const theirs = record.status?.head ?? null;
  if (theirs === null || deps.transport.holds === undefined) return null;
  try {
    return await within(SURVEY_MS, signal, (inner) => locate(deps, record, theirs, inner));
  } catch (error) {
    throwIfAborted(signal);
    if (isSyncError(error)) return null;
    throw error;
  }
}
