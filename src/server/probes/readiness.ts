import type { BlockSource } from '../../contracts/index.js';
import type { SyncPhase } from '../../engine/events/events.js';
import type { ValuesOf } from '../../internal/options/index.js';
import type { READINESS, WatchedEngine } from './options.js';

/**
 * Why a node is not ready, in one word that strangers may know: the store is not `open`ed yet or can't be read, the
 * engine has `failed` or was closed, has not been up to date for long (`syncing`), has a newest block that is too old
 * (`stale`), or is `behind` its peer; or the server is `closing`.
 */
export type NotReady = 'opening' | 'store' | 'failed' | 'syncing' | 'stale' | 'behind' | 'closing';

/** A store that does not answer in this time is none to serve from, in milliseconds. */
const STORE_WAIT_MS = 2_000;

/** Tells whether a node is ready to serve. */
export class Readiness {
  readonly #source: Pick<BlockSource, 'tip' | 'header'>;
  readonly #config: ValuesOf<typeof READINESS> | null;
  readonly #now: () => number;
  readonly #stopListening: () => void;
  /** When the engine was up to date last; `null` when it never was. */
  #syncedAtMs: number | null = null;
  /** The look at the store that is under way: whoever asks meanwhile waits for it, however many they are. */
  #reading: Promise<void> | null = null;

  /** @param config - `null` for a node that follows nobody. */
  constructor(
    source: Pick<BlockSource, 'tip' | 'header'>,
    config: ValuesOf<typeof READINESS> | null,
    now: () => number = () => performance.now(),
  ) {
    this.#source = source;
    this.#config = config;
    this.#now = now;
    let wasSynced = false;
    const subscription = config?.engine.states.subscribe(({ phase }) => {
      // Also when it no longer is: the time runs from then on.
      if (phase === 'synced' || wasSynced) this.#syncedAtMs = now();
      wasSynced = phase === 'synced';
    });
    this.#stopListening = () => subscription?.unsubscribe();
  }

  /** @returns why it is not ready; `null` when it is. */
  async reason(): Promise<NotReady | null> {
    return (await this.#canRead()) ? this.#engineReason() : 'store';
  }

  close(): void {
    this.#stopListening();
  }

  async #canRead(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, STORE_WAIT_MS, false);
    });
    try {
      this.#reading ??= this.#readHead().finally(() => {
        this.#reading = null;
      });
      return await Promise.race([this.#reading.then(() => true), late]);
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  async #readHead(): Promise<void> {
    const { head } = this.#source.tip();
    // A block that was rolled back meanwhile is `null`, which was read as well.
    if (head !== null) await this.#source.header(head.height);
  }

  #engineReason(): NotReady | null {
    if (this.#config === null) return null;
    const { phase, stale } = this.#config.engine.state;
    if (phase === 'failed' || phase === 'closed') return 'failed';
    if (stale) return 'stale';
    if (!this.#wasSynced(phase, this.#config.maxBehindMs)) return 'syncing';
    return this.#behind(this.#config.engine) > this.#config.maxBehindBlocks ? 'behind' : null;
  }

  #wasSynced(phase: SyncPhase, withinMs: number): boolean {
    if (phase === 'synced') return true;
    return this.#syncedAtMs !== null && this.#now() - this.#syncedAtMs <= withinMs;
  }

  #behind({ state }: WatchedEngine): number {
    const here = this.#source.tip().head?.height ?? -1;
    return (state.progress.head ?? here) - here;
  }
}
