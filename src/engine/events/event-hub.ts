import { BehaviorSubject, type Observable } from 'rxjs';
import type { Checkpoint } from '../../contracts/index.js';
import type { ErrorCode } from '../../errors/index.js';
import type { ModeEvent, SnapshotEvent, StaleEvent, SyncEvent, SyncProgress, SyncState } from './events.js';
import { PacedEvents } from './paced-events.js';
import { peerOf, Phases } from './phases.js';

/** Shortest time between two progress events, in milliseconds: four a second is as fast as an eye reads. */
const PROGRESS_INTERVAL_MS = 250;

const NO_PROGRESS: SyncProgress = {
  height: null,
  head: null,
  blocks: 0,
  bytes: 0,
  blocksPerSecond: 0,
  bytesPerSecond: 0,
  etaMs: null,
};

/** The engine's public edge: keeps the state and publishes events. The observables never error. */
export class EventHub {
  readonly #events: PacedEvents;
  readonly #states = new BehaviorSubject<SyncState>({
    phase: 'idle',
    checkpoint: null,
    progress: NO_PROGRESS,
    mode: null,
    stale: false,
    peer: null,
    error: null,
  });
  readonly events: Observable<SyncEvent>;
  readonly states: Observable<SyncState> = this.#states.asObservable();
  /** The phase; its changes are published. */
  readonly phase = new Phases((state, previous) => {
    const { phase } = state;
    const error = 'error' in state ? state.error : null;
    this.#update({ phase, peer: peerOf(state), error });
    if (phase !== previous) this.emit({ type: 'phase', phase, previous });
  });
  readonly #now: () => number;
  readonly #onEvent: (event: SyncEvent) => void;
  #lastProgressMs = -Infinity;
  #lateProgress: ReturnType<typeof setTimeout> | undefined;
  #lastSnapshotMs = -Infinity;

  /** @param onEvent - is told of all but blocks, before those who have subscribed. */
  constructor(now: () => number, onEvent: (event: SyncEvent) => void = () => undefined) {
    this.#now = now;
    this.#onEvent = onEvent;
    this.#events = new PacedEvents(now);
    this.events = this.#events.all;
  }

  get state(): SyncState {
    return this.#states.value;
  }

  /** Whether anybody listens; saves making block events for nobody. */
  get observed(): boolean {
    return this.#events.observed;
  }

  emit(event: SyncEvent): void {
    if (event.type !== 'block') this.#onEvent(event);
    this.#events.emit(event);
  }

  /** Resolves when no subscriber is too far behind for more blocks, or the signal has fired. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#events.ready(signal);
  }

  warn(code: ErrorCode, message: string): void {
    this.emit({ type: 'warning', code, message });
  }

  mode(event: Omit<ModeEvent, 'type' | 'previous'>): void {
    const previous = this.state.mode;
    if (previous === event.mode) return;
    this.#update({ mode: event.mode });
    this.emit({ type: 'mode', previous, ...event });
  }

  /** Publishes that the newest block became too old, or no longer is. */
  stale(event: Omit<StaleEvent, 'type'>): void {
    if (this.state.stale === event.stale) return;
    this.#update({ stale: event.stale });
    this.emit({ type: 'stale', ...event });
  }

  /** Publishes how a snapshot gets on; progress only when enough time has gone by. */
  snapshot(event: SnapshotEvent): void {
    const now = this.#now();
    if (event.status === 'progress' && now - this.#lastSnapshotMs < PROGRESS_INTERVAL_MS) return;
    this.#lastSnapshotMs = now;
    this.emit(event);
  }

  checkpoint(checkpoint: Checkpoint): void {
    this.#update({ checkpoint });
    if (checkpoint.head !== null) {
      const { head, confirmed, finalized } = checkpoint;
      this.emit({ type: 'checkpoint', head, confirmed, finalized });
    }
  }

  /** Publishes progress: at once when enough time has gone by or by `force`, else as soon as it has. */
  progress(sample: () => SyncProgress, force = false): void {
    const dueMs = force ? 0 : PROGRESS_INTERVAL_MS - (this.#now() - this.#lastProgressMs);
    if (dueMs <= 0) this.#publishProgress(sample);
    else
      this.#lateProgress ??= setTimeout(() => {
        this.#publishProgress(sample);
      }, dueMs);
  }

  #publishProgress(sample: () => SyncProgress): void {
    this.#forgetProgress();
    this.#lastProgressMs = this.#now();
    const progress = sample();
    this.#update({ progress });
    this.emit({ type: 'progress', ...progress });
  }

  #forgetProgress(): void {
    clearTimeout(this.#lateProgress);
    this.#lateProgress = undefined;
  }

  complete(): void {
    this.#forgetProgress();
    this.#events.complete();
    this.#states.complete();
  }

  #update(change: Partial<SyncState>): void {
    this.#states.next({ ...this.#states.value, ...change });
  }
}
