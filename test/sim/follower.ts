import {
  type Block,
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
import type { Death, DeathPlan, MortalStore } from './mortal-store.js';
import { broken, type Watch } from './promises.js';

/** A supervisor leaves this time between the end of a process and its next start. */
const RESTART_MS = 5_000;

const REFUSALS: readonly ErrorCode[] = ['PEER_UNAUTHORIZED', 'PEER_NOT_FOUND', 'PEER_NOT_SYNC'];

/** The client: an engine that may be started anew on the same store, a reader of its events and a handler that mind the order. */
export class Follower {
  /** What the events say that the chain is. */
  readonly view: BlockRef[] = [];
  /** What the handler has had, less what it was told is void. */
  readonly handed: BlockRef[] = [];
  /** Ways in which an event did not fit on those before it. */
  readonly problems: string[] = [];
  blocks = 0;
  rollbacks = 0;
  /** Why the engine ended; `null` while it has not ended by itself. */
  failure: unknown = null;
  /** What it was at whenever its process died. */
  readonly deaths: Death[] = [];
  readonly #config: SyncEngineConfig;
  readonly #store: MortalStore;
  readonly #watch: Watch;
  readonly #observe: (event: SyncEvent) => boolean;
  #engine: SyncEngine | null = null;
  #restart: ReturnType<typeof setTimeout> | undefined;

  constructor(
    { config, store }: { readonly config: SyncEngineConfig; readonly store: MortalStore },
    watch: Watch,
    observe: (event: SyncEvent) => boolean,
  ) {
    this.#config = config;
    this.#store = store;
    this.#watch = watch;
    this.#observe = observe;
  }

  get chain(): Chain | null {
    return this.#engine?.chain ?? null;
  }

  get head(): BlockRef | null {
    return this.chain?.tip().head ?? null;
  }

  /** Blocks that it has in tiles. */
  async tiledBlocks(): Promise<number> {
    const tip = this.chain?.tip() ?? null;
    if (tip === null) return 0;
    const tiles = (await this.chain?.tiles?.list({ from: tip.base, to: tip.head?.height ?? -1 })) ?? [];
    return tiles.reduce((sum, { from, to }) => sum + to - from + 1, 0);
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
      if (this.#engine === engine && this.#observe(event)) this.#take(event);
    });
    this.#engine = engine;
    const onRollback = (dropped: readonly BlockRef[], to: BlockRef): void => {
      this.#takeBack(dropped, to);
    };
    const onBlock = (block: Block): void => {
      this.#hand(block);
    };
    engine.run(onBlock, { onRollback }).catch((error: unknown) => {
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

  crashAt(plan: DeathPlan, onCrash: () => void): void {
    this.#store.onDeath = (at) => {
      const engine = this.#engine;
      this.#engine = null;
      if (engine === null) return;
      this.deaths.push(at);
      onCrash();
      this.#restart = setTimeout(() => void this.#begin(engine), RESTART_MS);
    };
    this.#store.dieAt(plan);
  }

  /** A process that died tells nothing more; whoever reads the events begins with what is in the store. */
  async #begin(dead: SyncEngine): Promise<void> {
    await dead.close();
    const found = await this.#store.find((this.#config.agree ?? 1) > 1);
    this.#watch.found(found);
    this.view.splice(0, Infinity, ...found.map(({ height, hash }) => ({ height, hash })));
    if (this.#engine === null) this.start();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#restart);
    const engine = this.#engine;
    this.#engine = null;
    await engine?.close();
  }

  #take(event: SyncEvent): void {
    this.#watch.event(event);
    if (event.type === 'block') this.#extend(event.header);
    else if (event.type === 'rollback') this.#undo(event);
  }

  #extend({ height, hash, previousHash }: BlockHeader): void {
    const last = this.view.at(-1) ?? null;
    if (!fitsOn(last, { height, previousHash }))
      this.#problem('order', `block ${height} was told after block ${last?.height ?? -1}`);
    this.view.push({ height, hash });
    this.blocks += 1;
  }

  #undo({ to, dropped }: RollbackEvent): void {
    for (const { height, hash } of dropped) {
      if (this.view.pop()?.hash !== hash)
        this.#problem('order', `block ${height} was dropped, which was not the newest`);
    }
    if (this.view.at(-1)?.hash !== to.hash)
      this.#problem('order', `the rollback to block ${to.height} left another head`);
    this.rollbacks += 1;
  }

  #hand({ height, hash, previousHash }: BlockHeader): void {
    this.#watch.block({ height, hash });
    // At least once: what it has had may come again after a restart.
    if (this.handed[height]?.hash === hash) return;
    // What it had after the last saved position comes again after a crash, and may be of another branch by then.
    if (this.deaths.length > 0) this.#voidAbove(height - 1);
    const last = this.handed.at(-1) ?? null;
    if (!fitsOn(last, { height, previousHash }))
      this.#problem('handed', `block ${height} was handed on after block ${last?.height ?? -1}`);
    this.handed.push({ height, hash });
  }

  #takeBack(dropped: readonly BlockRef[], to: BlockRef): void {
    // After a crash it is told again, and of what it has had only up to the saved position.
    if (this.deaths.length > 0) this.#voidAbove(to.height);
    for (const { height, hash } of this.deaths.length > 0 ? [] : dropped) {
      if (this.handed.at(-1)?.hash === hash) this.handed.pop();
      else this.#problem('handed', `the handler was told that block ${height} is void, which it never had`);
    }
    if (this.handed.at(-1)?.hash !== to.hash)
      this.#problem('handed', `the handler was left at another block than ${to.height}`);
  }

  #voidAbove(height: number): void {
    this.handed.splice(height + 1);
  }

  #problem(promise: 'order' | 'handed', text: string): void {
    this.problems.push(broken(promise, text));
  }
}

/** Whether a block goes directly above another one; `null` stands for none. */
function fitsOn(last: BlockRef | null, next: Pick<BlockHeader, 'height' | 'previousHash'>): boolean {
  if (last === null) return next.height === 0;
  return last.height + 1 === next.height && last.hash === next.previousHash;
}

function isRefusal(error: unknown): boolean {
  return isSyncError(error) && REFUSALS.includes(error.code);
}
