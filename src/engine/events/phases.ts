import type { SyncError } from '../../errors/index.js';
import type { SyncPhase } from './events.js';

/**
 * The phases that an engine may enter from each phase. One that stands in its own row may be entered again, of which
 * nobody is told. `docs/embedding.md` has the same table.
 */
export const NEXT_PHASES: Readonly<Record<SyncPhase, readonly SyncPhase[]>> = {
  idle: ['opening', 'closed'],
  opening: ['standby', 'connecting', 'failed', 'closed'],
  standby: ['standby', 'connecting', 'failed', 'closed'],
  connecting: ['standby', 'connecting', 'importing', 'syncing', 'synced', 'waiting', 'failed', 'closed'],
  importing: ['standby', 'connecting', 'syncing', 'synced', 'waiting', 'failed', 'closed'],
  syncing: ['standby', 'connecting', 'syncing', 'synced', 'waiting', 'failed', 'closed'],
  synced: ['standby', 'connecting', 'syncing', 'synced', 'waiting', 'failed', 'closed'],
  waiting: ['standby', 'connecting', 'syncing', 'synced', 'waiting', 'failed', 'closed'],
  failed: ['closed'],
  closed: [],
};

/** Phases in which the engine deals with peers. */
type PeerPhase = 'connecting' | 'importing' | 'syncing' | 'synced' | 'waiting';

/** A phase with what there is in it alone. */
export type PhaseState =
  | { readonly phase: 'idle' | 'opening' | 'standby' | 'closed' }
  /** `peer` is the one in use, while waiting the one that failed; `null` once the run is over. */
  | { readonly phase: PeerPhase; readonly peer: string | null }
  | { readonly phase: 'failed'; readonly error: SyncError };

/** The phase of an engine. Each method but the last two is one transition; one that the table lacks is a `TypeError`. */
export class Phases {
  readonly #onChange: (state: PhaseState, previous: SyncPhase) => void;
  #state: PhaseState = { phase: 'idle' };
  #wasSynced = false;

  /** @param onChange - runs after each change. */
  constructor(onChange: (state: PhaseState, previous: SyncPhase) => void) {
    this.#onChange = onChange;
  }

  /** Whether the engine has been `synced` at some time, or stands by. */
  get wasSynced(): boolean {
    return this.#wasSynced || this.#state.phase === 'standby';
  }

  /** The store is being opened. */
  opening(): void {
    this.#enter({ phase: 'opening' });
  }

  /** Another process writes the store, which is read here. */
  standby(): void {
    this.#enter({ phase: 'standby' });
  }

  /** A peer is asked for its status. */
  connecting(peer: string): void {
    this.#enter({ phase: 'connecting', peer });
  }

  /** A snapshot is taken. */
  importing(): void {
    this.#enter({ phase: 'importing', peer: this.#peer });
  }

  /** Blocks are fetched, or the node does not count as caught up. */
  syncing(): void {
    this.#enter({ phase: 'syncing', peer: this.#peer });
  }

  /** The peers' head, or the last block wanted, is durable. */
  synced(): void {
    this.#enter({ phase: 'synced', peer: this.#peer });
    this.#wasSynced = true;
  }

  /** No peer may be asked for a while, or too few can be to confirm what is stored. */
  waiting(): void {
    this.#enter({ phase: 'waiting', peer: this.#peer });
  }

  /** Nothing more can be tried. */
  failed(error: SyncError): void {
    this.#enter({ phase: 'failed', error });
  }

  /** Everything is closed. */
  closed(): void {
    this.#enter({ phase: 'closed' });
  }

  /** Another peer has answered in place of the one that was asked; the phase stays. */
  answeredBy(peer: string): void {
    const { phase } = this.#state;
    if (phase !== 'syncing' && phase !== 'synced' && phase !== 'waiting')
      throw new TypeError(`No peer answers while the engine is ${phase}.`);
    this.#change({ phase, peer });
  }

  /** The run is over, and no peer in use any more; the phase stays. */
  ended(): void {
    if ('peer' in this.#state) this.#change({ phase: this.#state.phase, peer: null });
  }

  get #peer(): string | null {
    return peerOf(this.#state);
  }

  #enter(next: PhaseState): void {
    const { phase } = this.#state;
    if (!NEXT_PHASES[phase].includes(next.phase))
      throw new TypeError(`An engine that is ${phase} can't be ${next.phase} next.`);
    this.#change(next);
  }

  #change(next: PhaseState): void {
    const { phase } = this.#state;
    if (next.phase === phase && peerOf(next) === this.#peer) return;
    this.#state = next;
    this.#onChange(next, phase);
  }
}

/** The peer in use; `null` when there is none. */
export function peerOf(state: PhaseState): string | null {
  return 'peer' in state ? state.peer : null;
}
