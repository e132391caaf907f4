import type { PeerStatus, StreamRequest } from '../../src/contracts/index.js';
import { Lane, type LaneContext } from './lane.js';
import type { Sizer } from './sizer.js';

/** Plans the ranges of one download and keeps several of them under way, in the order of their heights. */
export class Lanes {
  readonly #context: LaneContext;
  readonly #request: StreamRequest;
  readonly #sizer: Sizer;
  /** Last height that the peer is known to have; Infinity when it says nothing. */
  readonly #head: number;
  readonly #lanes: Lane[] = [];
  #next: number;
  #measured = false;

  constructor(context: LaneContext, request: StreamRequest, sizer: Sizer, status: PeerStatus | null) {
    this.#context = context;
    this.#request = request;
    this.#sizer = sizer;
    this.#head = status === null ? Infinity : (status.head?.height ?? -1);
    this.#next = request.from;
  }

  /** The lane whose turn it is. */
  current(): Lane {
    const lane = this.#lanes[0] ?? this.#start();
    lane.begin();
    return lane;
  }

  /** The current lane is done. */
  advance(): void {
    this.#lanes.shift();
    this.#measured = true;
  }

  /** Starts as many lanes as may be under way beside the current one. */
  fill(): void {
    const { parallel, budget } = this.#context;
    // Before the first range is over nothing is known of the size of blocks, nor whether the peer heeds ranges at all.
    if (!this.#measured) return;
    while (this.#lanes.length < parallel && this.#next <= this.#last && !budget.full) this.#start();
  }

  /** Waits until nothing is under way any more; the context's signal has to have fired. */
  async close(): Promise<void> {
    await Promise.all(this.#lanes.map(({ settled }) => settled));
  }

  /** The last height that is worth reading ahead. */
  get #last(): number {
    return Math.min(this.#request.to ?? Infinity, this.#head);
  }

  #start(): Lane {
    const { peer, after } = this.#request;
    const from = this.#next;
    const end = from + this.#sizer.next(this.#context.maxRange) - 1;
    // Behind the head that the peer has named there may be newer blocks: one more range finds out.
    const bound = from > this.#last ? (this.#request.to ?? Number.MAX_SAFE_INTEGER) : this.#last;
    const to = Math.min(end, bound, Number.MAX_SAFE_INTEGER);
    const parentHash = after?.height === from - 1 ? after.hash : null;
    const lane = new Lane(this.#context, { peer, from, to, parentHash });
    this.#lanes.push(lane);
    this.#next = to + 1;
    return lane;
  }
}
