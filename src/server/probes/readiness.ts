import type { BlockSource, StorageLag } from '../../contracts/index.js';
import type { SyncPhase } from '../../engine/events/events.js';
import { readOptions, type ValuesOf } from '../../internal/options/index.js';
import { READINESS, type WatchedEngine } from './options.js';

/**
 * Why a node is not ready, in one word that strangers may know: the store is not `open`ed yet or can't be read, the
 * engine has `failed` or was closed, has not been up to date for long (`syncing`), has a newest block that is too old
 * (`stale`), or is `behind` its peer; the store is `lagging` behind the process that writes it; or the server is
 * `closing`.
 */
export type NotReady =
  'opening' | 'store' | 'failed' | 'syncing' | 'stale' | 'behind' | 'lagging' | 'closing';

/** A store that does not answer in this time is none to serve from, in milliseconds. */
const STORE_WAIT_MS = 2_000;

/** What is looked at of a source. */
type ReadinessSource = Pick<BlockSource, 'tip' | 'header' | 'lag'>;

/** Tells whether a node is ready to serve. */
export class Readiness {
  readonly #source: ReadinessSource;
  readonly #config: ValuesOf<typeof READINESS>;
  readonly #now: () => number;
  readonly #stopListening: () => void;
  /** When the engine was up to date last; `null` when it never was. */
  #syncedAtMs: number | null = null;
  /** The look at the store that is under way: whoever asks meanwhile waits for it, however many they are. */
  #reading: Promise<void> | null = null;

  /** @param config - `null` for the defaults. */
  constructor(
    source: ReadinessSource,
    config: ValuesOf<typeof READINESS> | null,
    now: () => number = () => performance.now(),
  ) {
    this.#source = source;
    this.#config = config ?? readOptions('readiness', {}, READINESS);
    this.#now = now;
    let wasSynced = false;
    const subscription = this.#config.engine?.states.subscribe(({ phase }) => {
      // Also when it no longer is: the time runs from then on.
      if (phase === 'synced' || wasSynced) this.#syncedAtMs = now();
      wasSynced = phase === 'synced';
    });
    this.#stopListening = () => subscription?.unsubscribe();
  }

  /** @returns why it is not ready; `null` when it is. */
  async reason(): Promise<NotReady | null> {
    if (!(await this.#canRead())) return 'store';
    const lag = this.#source.lag?.() ?? null;
    return lag === null ? this.#engineReason() : this.#lagReason(lag);
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

  /** What another process writes, that one brings. */
  #lagReason({ blocks, ms }: StorageLag): NotReady | null {
    const { engine, maxBehindBlocks, maxBehindMs } = this.#config;
    const phase = engine?.state.phase;
    if (phase === 'failed' || phase === 'closed') return 'failed';
    if (blocks > maxBehindBlocks || ms > maxBehindMs) return 'lagging';
    // An engine that takes over goes on from here.
    this.#syncedAtMs = this.#now();
    return null;
  }

  #engineReason(): NotReady | null {
    if (this.#config.engine === null) return null;
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
