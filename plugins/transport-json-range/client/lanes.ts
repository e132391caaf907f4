import type { PeerStatus, StreamRequest } from '../../../src/contracts/index.js';
import { Lane, type LaneContext } from './lane.js';
import type { Source } from './source.js';

/** Plans the ranges of one download and keeps several of them under way, in the order of their heights. */
export class Lanes {
  readonly #context: LaneContext;
  readonly #request: StreamRequest;
  readonly #parallel: number;
  /** Last height that the asked peer is known to have; Infinity when it says nothing. */
  readonly #head: number;
  readonly #lanes: Lane[] = [];
  #next: number;
  #measured = false;

  constructor(
    context: Omit<LaneContext, 'discard'>,
    request: StreamRequest,
    status: PeerStatus | null,
    parallel: number,
  ) {
    const discard = (source: Source): void => {
      this.discard(source);
    };
    this.#context = Object.assign(context, { discard });
    this.#request = request;
    this.#parallel = parallel;
    this.#head = status === null ? Infinity : (status.head?.height ?? -1);
    this.#next = request.from;
  }

  /** The lane whose turn it is; `null` when nobody is left to say whether there is more than the asked peer had. */
  current(): Lane | null {
    const lane = this.#lanes[0] ?? this.#startNext();
    lane?.begin();
    return lane;
  }

  /** The current lane is done. */
  advance(): void {
    this.#lanes.shift();
    this.#measured = true;
  }

  /** Starts as many lanes as may be under way beside the current one. */
  fill(): void {
    const { budget, sources } = this.#context;
    // Before the first range is over nothing is known of the size of blocks, nor whether the peer heeds ranges at all.
    if (!this.#measured) return;
    while (this.#lanes.length < sources.limit(this.#parallel) && this.#next <= this.#last && !budget.full) {
      const source = sources.next(this.#next);
      if (source === null) return;
      this.#start(source);
    }
  }

  /** Drops what a peer sent that was not delivered yet. */
  discard(source: Source): void {
    for (const lane of this.#lanes) lane.discard(source);
  }

  /** Waits until nothing is under way any more; the context's signal has to have fired. */
  async close(): Promise<void> {
    await Promise.all(this.#context.running);
  }

  /** The last height that is worth reading ahead. */
  get #last(): number {
    return Math.min(this.#request.to ?? Infinity, this.#head);
  }

  #startNext(): Lane | null {
    const { sources } = this.#context;
    const { asked } = sources;
    if (this.#next > this.#last) return asked.out === null ? this.#start(asked) : this.#end();
    const source = this.#measured ? sources.anyFor(this.#next, this.#next) : asked;
    if (source === null) throw asked.out ?? new TypeError('A peer that is in use has every range.');
    return this.#start(source);
  }

  #end(): null {
    const { out } = this.#context.sources.asked;
    if (out !== null && this.#next <= (this.#request.to ?? -1)) throw out;
    return null;
  }

  #start(source: Source): Lane {
    const { after } = this.#request;
    const { sizer, sources } = this.#context;
    const from = this.#next;
    const blocks = Math.max(1, Math.floor(sizer.next(source.maxRange) * sources.share(source)));
    // Behind the head that the peer has named there may be newer blocks: one more range finds out.
    const bound = from > this.#last ? (this.#request.to ?? Number.MAX_SAFE_INTEGER) : this.#last;
    const to = Math.min(from + blocks - 1, bound, source.head, Number.MAX_SAFE_INTEGER);
    const parentHash = after?.height === from - 1 ? after.hash : null;
    const lane = new Lane(this.#context, { from, to, parentHash }, source);
    this.#lanes.push(lane);
    this.#next = to + 1;
    return lane;
  }
}
