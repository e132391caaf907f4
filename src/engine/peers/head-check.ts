import { isSyncError, SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import type { EngineSettings } from '../engine-parts.js';
import type { Chain } from '../../chain/chain.js';
import { type AgreementDeps, askBehind, countAgreeing } from './agreement.js';
import type { Freshness } from './freshness.js';
import type { PeerBook } from './peer-book.js';
import type { PeerRecord } from './peer-record.js';
import { claimOf, survey, type SurveyDeps } from './survey.js';

/** Peers that don't answer within this time have no say. */
const SURVEY_MS = 3_000;

/** What comparing the peers' heads with the node's works with. */
export interface HeadCheckDeps {
  readonly settings: Pick<EngineSettings, 'agree' | 'staleAfterMs'>;
  readonly book: PeerBook;
  readonly chain: Chain;
  readonly freshness: Freshness;
  readonly survey: SurveyDeps;
  readonly agreement: AgreementDeps;
}

/** What the peers and the clock say of the node's head. */
export interface Verdict {
  /** A peer that claims more than this node has; `null` when none does. */
  readonly ahead: PeerRecord | null;
  /** Age of the newest block, in milliseconds. */
  readonly ageMs: number;
  /** Why the node does not count as caught up, whatever was verified; `null` when it does. */
  readonly doubt: SyncError | null;
}

/** Compares the node's head with what all peers claim and with the clock. */
export class HeadCheck {
  readonly #deps: HeadCheckDeps;

  constructor(deps: HeadCheckDeps) {
    this.#deps = deps;
  }

  /** Whether there is anything to ask: with one peer, and no limit for the age, what was verified is all there is. */
  get isNeeded(): boolean {
    const { settings, book } = this.#deps;
    return settings.agree > 1 || settings.staleAfterMs !== null || book.usable.length > 1;
  }

  /** @param from - the peer that has brought the node here. */
  async run(from: PeerRecord, signal: AbortSignal): Promise<Verdict> {
    const { book, chain } = this.#deps;
    if (!this.isNeeded) return { ahead: null, ageMs: 0, doubt: null };
    const records = book.ready.filter((record) => record !== from);
    // The peer itself is asked again as well: its head may have grown, or been a lie.
    const asked = records.length === 0 ? [] : [from, ...records];
    await survey(this.#deps.survey, asked, SURVEY_MS, signal);
    const { head } = chain.tip();
    const ahead = book.ready.filter(({ status }) => claimOf(status, head) === 'ahead');
    const ageMs = await this.#ageMs();
    const doubt = (await this.#disagreement(from, records, signal)) ?? this.#staleness(ageMs);
    return { ahead: ahead.find((record) => record !== from) ?? ahead[0] ?? null, ageMs, doubt };
  }

  /** Whether enough peers are on one chain with this one to believe it. @throws SyncError `HEADS_DISAGREE` */
  async mayBelieve(record: PeerRecord, signal: AbortSignal): Promise<void> {
    const { settings, book } = this.#deps;
    if (settings.agree <= 1) return;
    const others = book.ready.filter((other) => other !== record);
    await survey(this.#deps.survey, others, SURVEY_MS, signal);
    const error = await this.#disagreement(record, others, signal);
    if (error !== null) throw error;
  }

  /**
   * Has a peer show that it is ahead. One that can't is named and left alone.
   *
   * @returns whether it is worth leaving another one for.
   */
  async proves(record: PeerRecord, signal: AbortSignal): Promise<boolean> {
    const { chain, agreement, survey: deps } = this.#deps;
    const { head } = chain.tip();
    const claimed = record.status?.head ?? null;
    if (head === null || claimed === null) return true;
    try {
      if ((await askBehind(agreement, record, head, signal)) !== 'nothing') return true;
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

  async #disagreement(
    record: PeerRecord,
    others: readonly PeerRecord[],
    signal: AbortSignal,
  ): Promise<SyncError | null> {
    const { agree } = this.#deps.settings;
    if (agree <= 1) return null;
    const count = await countAgreeing(this.#deps.agreement, record, others, signal);
    if (count >= agree) return null;
    const message = `${count} of the ${agree} peers that have to agree are on the chain of ${record.peer.url}.`;
    return new SyncError('HEADS_DISAGREE', message, { peer: record.peer.url });
  }

  #staleness(ageMs: number): SyncError | null {
    const { staleAfterMs } = this.#deps.settings;
    if (staleAfterMs === null || ageMs <= staleAfterMs) return null;
    const message = `The newest block is ${Math.round(ageMs / 1000)} s old, more than the ${Math.round(staleAfterMs / 1000)} s allowed.`;
    return new SyncError('HEAD_STALE', message);
  }
}
