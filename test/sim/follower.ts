import {
  type BlockHeader,
  type BlockRef,
  type Chain,
  createSyncEngine,
  type ErrorCode,
  isSyncError,
  type RollbackEvent,
  type SyncEngine,
  type SyncEngineConfig,
  type SyncEvent,
} from '../../src/index.js';

/** A supervisor leaves this time between the end of a process and its next start. */
const RESTART_MS = 5_000;

const REFUSALS: readonly ErrorCode[] = ['PEER_UNAUTHORIZED', 'PEER_NOT_FOUND', 'PEER_NOT_SYNC'];

/** The client: an engine that may be started anew on the same store, and a reader of its events who minds the order. */
export class Follower {
  /** What the events say that the chain is. */
  readonly view: BlockRef[] = [];
  /** Ways in which an event did not fit on those before it. */
  readonly problems: string[] = [];
  blocks = 0;
  rollbacks = 0;
  /** Why the engine ended; `null` while it has not ended by itself. */
  failure: unknown = null;
  readonly #config: SyncEngineConfig;
  readonly #observe: (event: SyncEvent) => boolean;
  #engine: SyncEngine | null = null;
  #restart: ReturnType<typeof setTimeout> | undefined;

  constructor(config: SyncEngineConfig, observe: (event: SyncEvent) => boolean) {
    this.#config = config;
    this.#observe = observe;
  }

  get chain(): Chain | null {
    return this.#engine?.chain ?? null;
  }

  get head(): BlockRef | null {
    return this.chain?.tip().head ?? null;
  }

  get isRunning(): boolean {
    return this.#engine !== null;
  }

  get phase(): string {
    return this.#engine?.state.phase ?? 'closed';
  }

  start(): void {
    const engine = createSyncEngine(this.#config);
    engine.events.subscribe((event) => {
      if (this.#observe(event)) this.#take(event);
    });
    this.#engine = engine;
    engine.start().catch((error: unknown) => {
      if (this.#engine !== engine) return;
      if (isRefusal(error)) this.#supervise(engine);
      else this.failure = error;
    });
  }

  /** An engine that was refused before anything worked ends; whoever runs it starts it anew. */
  #supervise(engine: SyncEngine): void {
    this.#restart = setTimeout(() => {
      void engine.close().then(() => {
        if (this.#engine === engine) this.start();
      });
    }, RESTART_MS);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#restart);
    const engine = this.#engine;
    this.#engine = null;
    await engine?.close();
  }

  #take(event: SyncEvent): void {
    if (event.type === 'block') this.#extend(event.header);
    else if (event.type === 'rollback') this.#undo(event);
  }

  #extend({ height, hash, previousHash }: BlockHeader): void {
    const last = this.view.at(-1) ?? null;
    const fits = last === null ? height === 0 : last.height + 1 === height && last.hash === previousHash;
    if (!fits) this.problems.push(`block ${height} was told after block ${last?.height ?? -1}`);
    this.view.push({ height, hash });
    this.blocks += 1;
  }

  #undo({ to, dropped }: RollbackEvent): void {
    for (const { height, hash } of dropped) {
      if (this.view.pop()?.hash !== hash)
        this.problems.push(`block ${height} was dropped, which was not the newest`);
    }
    if (this.view.at(-1)?.hash !== to.hash)
      this.problems.push(`the rollback to block ${to.height} left another head`);
    this.rollbacks += 1;
  }
}

function isRefusal(error: unknown): boolean {
  return isSyncError(error) && REFUSALS.includes(error.code);
}
