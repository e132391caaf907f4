import type { PeerStatus } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { LinkedAbort } from '../../internal/linked-abort.js';
import type { PeerRecord } from './peer-record.js';
import { askStatus, type SurveyDeps } from './survey.js';

/** The peer that is asked first is asked for its status while the store is being opened: each takes about as long. */
export class Greeting {
  readonly #record: PeerRecord;
  readonly #abort: LinkedAbort;
  #answer: Promise<PeerStatus | null> | null;

  constructor(deps: Pick<SurveyDeps, 'transport' | 'now'>, record: PeerRecord, signal: AbortSignal) {
    this.#record = record;
    this.#abort = new LinkedAbort(signal);
    this.#answer = askStatus(deps, record, this.#abort.signal).finally(() => {
      this.#abort.release();
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
    this.#abort.abort(new SyncError('ABORTED', 'The status is not needed.'));
  }
}
