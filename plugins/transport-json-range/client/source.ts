import type { Peer, PeerStatus } from '../../../src/contracts/index.js';
import { type BackoffBounds, doublingMs } from '../../../src/internal/backoff.js';

/** Most blocks of one range (protocol section 2.3). */
const MAX_RANGE = 10_000;
/** What the newest measurement counts for. */
const NEWEST = 0.3;
/** How long a peer that was overtaken gets no new ranges. Without jitter: it is this client that rests it, alone. */
const REST: BackoffBounds = { baseDelayMs: 5_000, maxDelayMs: 60_000 };

/** A peer of one download, with what is known of it. */
export class Source {
  readonly peer: Peer;
  /** Whether it is the peer that the request names, and not one of the others. */
  readonly asked: boolean;
  /** Most blocks of one request; a peer that refuses a range lowers it. */
  maxRange: number;
  /** Most ranges at once; a peer that is busy lowers it. */
  most = Infinity;
  /** Requests under way. */
  busy = 0;
  /** Why it is not asked any more. */
  out: Error | null = null;
  /** Codec to ask it for frames in; `null` when it serves none that are taken here. */
  readonly frames: string | null;
  readonly #base: number;
  readonly #head: number;
  #rate: number | null = null;
  #losses = 0;
  #restsUntil = 0;

  /** @param codecs - that are taken here, best first. */
  constructor(peer: Peer, status: PeerStatus | null, asked: boolean, codecs: readonly string[]) {
    this.peer = peer;
    this.frames = framesOf(status, codecs);
    this.asked = asked;
    this.maxRange = Math.min(MAX_RANGE, status?.maxRange ?? MAX_RANGE);
    this.#base = asked ? 0 : (status?.base ?? 0);
    this.#head = asked ? Infinity : (status?.head?.height ?? -1);
  }

  /** The last height that it may be asked for. */
  get head(): number {
    return this.#head;
  }

  /** Bytes per second of all its requests together; `null` before the first measurement. */
  get rate(): number | null {
    return this.#rate;
  }

  /** Whether it was too slow a short while ago. */
  get resting(): boolean {
    return performance.now() < this.#restsUntil;
  }

  /** Whether it may be asked for a range. */
  has(from: number, to: number): boolean {
    return this.out === null && this.#base <= from && to <= this.#head;
  }

  /** One of its requests brought so much in that time. */
  measured(bytes: number, ms: number): void {
    const rate = (bytes * 1000 * Math.max(1, this.busy)) / Math.max(1, ms);
    this.#rate = this.#rate === null ? rate : this.#rate + NEWEST * (rate - this.#rate);
  }

  /** It brought a whole range. */
  worked(): void {
    this.#losses = 0;
  }

  /** Another peer was faster with a range that it had begun later. */
  overtaken(): void {
    this.#losses++;
    this.#restsUntil = performance.now() + doublingMs(REST, this.#losses);
  }
}

/** What the peer holds its blocks in, if that is taken here: then neither side has to encode them anew. */
function framesOf(status: PeerStatus | null, codecs: readonly string[]): string | null {
  const { storedAs = null } = status ?? {};
  const common = codecs.filter((id) => status?.codecs.frames?.includes(id) === true);
  return common.find((id) => id === storedAs) ?? common[0] ?? null;
}
