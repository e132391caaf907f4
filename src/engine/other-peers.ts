import type { BlockHeader, PeerStatus, Transport } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import type { Chain } from '../chain/chain.js';
import { Agreement } from './agreement/agreement.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import type { EventHub } from './events/event-hub.js';
import { Freshness } from './peers/freshness.js';
import { HeadCheck } from './peers/head-check.js';
import type { PeerBook } from './peers/peer-book.js';
import type { PeerRecord } from './peers/peer-record.js';
import { askStatus, survey, type SurveyDeps } from './peers/survey.js';

/** At the start of a connection the others are waited for at most this long. */
const SURVEY_MS = 1_000;

/** What asking the peers of a run works with. */
export interface OtherPeersDeps {
  readonly settings: EngineSettings;
  readonly parts: EngineParts;
  readonly hub: EventHub;
  readonly book: PeerBook;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** Throws when a peer serves another chain than this node's. */
  check(status: PeerStatus): void;
  /** A peer did not answer, or not as it should. */
  onPeerFailure(record: PeerRecord, error: SyncError): void;
  /** Confirming blocks failed by a fault of this node. */
  onFailure(error: SyncError): void;
}

/** What the peers of a run are asked besides blocks: what they have, and whether they agree with the blocks here. */
export class OtherPeers {
  readonly #deps: OtherPeersDeps;
  readonly #freshness: Freshness;
  #agreement: Agreement | null = null;

  constructor(deps: OtherPeersDeps) {
    this.#deps = deps;
    const { hub, now, settings } = deps;
    this.#freshness = new Freshness(now, (header) => {
      if (settings.staleAfterMs !== null) hub.warn('HEAD_AGE_UNKNOWN', withoutAge(header));
    });
  }

  /** How far the peers agree; `null` before they are asked. */
  get agreement(): Agreement | null {
    return this.#agreement;
  }

  /** Asks a peer for its status; `null` for a plain server. */
  ask(record: PeerRecord, signal: AbortSignal): Promise<PeerStatus | null> {
    return askStatus(this.#surveyDeps(), record, signal);
  }

  /** Asks those peers, except for one, that have said nothing of themselves yet; waits for a second at most. */
  async askUnknown(except: PeerRecord, signal: AbortSignal): Promise<void> {
    const unknown = this.#deps.book.ready.filter((record) => record !== except && record.status === null);
    await survey(this.#surveyDeps(), unknown, SURVEY_MS, signal);
  }

  /** Begins to ask the peers how far they agree, once there is a chain that they can be asked about. */
  async agreed(chain: Chain, signal: AbortSignal): Promise<Agreement> {
    if (this.#agreement !== null) return this.#agreement;
    const transport = anyTransport(this.#deps.parts.transports);
    this.#agreement = await Agreement.begin({ ...this.#deps, chain, transport }, signal);
    return this.#agreement;
  }

  /** What compares the chain's head with those of the peers. */
  headCheck(chain: Chain, { disagreement, confirmer }: Agreement): HeadCheck {
    const { settings, parts, book } = this.#deps;
    const transport =
      parts.transports.find(({ mode }) => mode === 'stream') ?? anyTransport(parts.transports);
    return new HeadCheck({
      settings,
      chain,
      book,
      freshness: this.#freshness,
      survey: this.#surveyDeps(),
      ...{ disagreement, confirmer, acceptCodecs: parts.acceptCodecs },
      locate: { chain, transport },
    });
  }

  /** Resolves when nobody is asked any more, after the signal has fired. */
  async ended(): Promise<void> {
    await this.#agreement?.ended();
  }

  #surveyDeps(): SurveyDeps {
    const { parts, now } = this.#deps;
    return {
      transport: anyTransport(parts.transports),
      now,
      check: (status) => {
        this.#deps.check(status);
      },
      onFailure: (record, error) => {
        this.#deps.onPeerFailure(record, error);
      },
    };
  }
}

function withoutAge({ height, timestamp }: BlockHeader): string {
  const time = timestamp === null ? 'has no time' : `has the time ${timestamp}, which is not in milliseconds`;
  return `Block ${height} ${time}: \`staleAfterMs\` counts from when blocks came, not from when they were made.`;
}

/** The status document is the same whoever asks for it. */
function anyTransport(transports: readonly Transport[]): Transport {
  const [transport] = transports;
  if (transport !== undefined) return transport;
  throw new SyncError('PLUGIN_UNKNOWN', 'No transport is registered.');
}
