import type { PeerStatus } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { sleep } from '../../../src/internal/abort.js';

/** A peer is let wait no longer than this, below the time after which proxies on the way give up. */
const MAX_WAIT_SECONDS = 25;
/** Between the beginnings of two requests of which the first brought nothing. */
const TURN_MS = 1_000;

/** The peer holds its answer until there is a block. */
interface Waiting {
  readonly at: 'waiting';
  readonly seconds: number;
  /** The line was cut while it waited, after that time: it may be that nothing gets through that takes so long. */
  cut(afterMs: number): Asking;
}

/** The peer answers at once, and is asked in turns. */
interface Asking {
  readonly at: 'asking';
  /** What comes when it has answered. */
  answered(): State;
}

type State = Waiting | Asking;

const TURNS: Asking = { at: 'asking', answered: () => TURNS };

function waiting(seconds: number): State {
  if (seconds < 1) return TURNS;
  return {
    at: 'waiting',
    seconds,
    cut: (afterMs) => ({
      at: 'asking',
      answered: () => waiting(Math.floor(Math.min(afterMs, seconds * 1_000) / 2_000)),
    }),
  };
}

/** How often a peer is asked for what is new, and how long it is to wait each time. */
export class Pace {
  #state: State;
  #sinceMs = 0;

  /** @param status - of the peer; one that says nothing of waiting answers at once. */
  constructor(status: PeerStatus | null) {
    const seconds = Math.ceil((status?.maxWaitMs ?? 0) / 1_000);
    this.#state = waiting(Math.min(seconds, MAX_WAIT_SECONDS));
  }

  /** A request begins. @returns how long the peer is to wait, in whole seconds */
  begin(): number {
    this.#sinceMs = performance.now();
    return this.#state.at === 'waiting' ? this.#state.seconds : 0;
  }

  /** It was answered. Resolves when the next one may begin, which is at once where it has brought a block. */
  async answered(hasBrought: boolean, signal: AbortSignal): Promise<void> {
    if (this.#state.at === 'asking') this.#state = this.#state.answered();
    const leftMs = this.#sinceMs + TURN_MS - performance.now();
    if (!hasBrought && leftMs > 0) await sleep(leftMs, signal);
  }

  /** It failed. @returns whether that may be for its wait alone, and the peer is to be asked once more at once */
  cut(error: unknown): boolean {
    const afterMs = performance.now() - this.#sinceMs;
    if (this.#state.at !== 'waiting' || afterMs < TURN_MS) return false;
    if (!isSyncError(error) || !error.info.retryable) return false;
    this.#state = this.#state.cut(afterMs);
    return true;
  }
}
