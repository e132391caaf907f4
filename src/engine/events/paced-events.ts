import { Observable, Subject } from 'rxjs';
import { WakeUp } from '../../internal/wake-up.js';
import { StoredBlockEvent } from './block-event.js';
import type { SyncEvent } from './events.js';
import { Pace } from './pace.js';

/** The engine's events, of which each subscriber gets its own block events, so that one that is behind can be waited for. */
export class PacedEvents {
  readonly #events = new Subject<SyncEvent>();
  readonly #paces = new Set<Pace>();
  readonly #wake = new WakeUp();
  readonly #now: () => number;
  readonly all: Observable<SyncEvent> = new Observable((subscriber) => {
    const pace = new Pace(this.#now, () => {
      this.#wake.notify();
    });
    this.#paces.add(pace);
    subscriber.add(() => {
      this.#paces.delete(pace);
      this.#wake.notify();
    });
    return this.#events.subscribe({
      next: (event) => {
        subscriber.next(event instanceof StoredBlockEvent ? event.paced(pace) : event);
      },
      complete: () => {
        subscriber.complete();
      },
    });
  });

  constructor(now: () => number) {
    this.#now = now;
  }

  get observed(): boolean {
    return this.#events.observed;
  }

  emit(event: SyncEvent): void {
    this.#events.next(event);
  }

  complete(): void {
    this.#events.complete();
  }

  /** Resolves when no subscriber is too far behind, or the signal has fired. */
  async ready(signal: AbortSignal): Promise<void> {
    for (let ms = this.#behindMs(); ms > 0 && !signal.aborted; ms = this.#behindMs()) {
      const timer = setTimeout(() => {
        this.#wake.notify();
      }, ms);
      try {
        await this.#wake.wait(signal);
      } catch {
        // Called off: the caller looks at its signal itself.
      } finally {
        clearTimeout(timer);
      }
    }
  }

  #behindMs(): number {
    let most = 0;
    for (const pace of this.#paces) most = Math.max(most, pace.behindMs);
    return most;
  }
}
