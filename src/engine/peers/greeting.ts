import type { PeerStatus } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { abortError } from '../../internal/abort.js';
import type { PeerRecord } from './peer-record.js';
import { askStatus, type SurveyDeps } from './survey.js';

/** The peer that is asked first is asked for its status while the store is being opened: each takes about as long. */
export class Greeting {
  readonly #record: PeerRecord;
  readonly #controller = new AbortController();
  #answer: Promise<PeerStatus | null> | null;

  constructor(deps: Pick<SurveyDeps, 'transport' | 'now'>, record: PeerRecord, signal: AbortSignal) {
    const onAbort = (): void => {
      this.#controller.abort(abortError(signal));
    };
    this.#record = record;
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#answer = askStatus(deps, record, this.#controller.signal).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
    // Whoever takes the answer is told of a failure.
    this.#answer.catch(() => undefined);
  }

  /** The answer, once; `null` when it was taken, or another peer was asked. */
  take(record: PeerRecord): Promise<PeerStatus | null> | null {
    const answer = record === this.#record ? this.#answer : null;
    this.#answer = null;
    return answer;
  }

  /** Nobody needs the answer. */
  cancel(): void {
    this.#controller.abort(new SyncError('ABORTED', 'The status is not needed.'));
  }
}
