import type { Observable } from 'rxjs';
import type { AbortOptions, Closeable } from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import type { Block } from '../chain/block.js';
import type { Chain } from '../chain/chain.js';
import type { BlockHandler, Consumer, RunOptions } from '../chain/consumer/consumer.js';
import type { EngineParts, EngineSettings } from './engine-parts.js';
import { EngineTally } from './engine-tally.js';
import type { syncAsWriter } from './stand-by.js';
import { runArguments, runOptions, startSignal } from './arguments.js';
import { iterateBlocks } from './block-iterator.js';
import { EventHub } from './events/event-hub.js';
import type { SyncEvent, SyncPhase, SyncState } from './events/events.js';
import { exposedCredentials } from './peers/exposed-credentials.js';
import { Greeting } from './peers/greeting.js';
import { PeerBook } from './peers/peer-book.js';
import type { PeerInfo } from './peers/peer-record.js';
import { ProgressMeter } from './events/progress.js';
import { onAbort } from '../internal/abort.js';
import { Deferred } from '../internal/deferred.js';
import { isRefusal } from '../internal/options/index.js';

/** Phases in which nothing gets on: what was told last stands. */
const OVER: ReadonlySet<SyncPhase> = new Set<SyncPhase>(['idle', 'failed', 'closed']);

/**
 * What a run needs, which is loaded by the first start.
 *
 * @internal
 */
export interface RunCode {
  readonly sync: typeof syncAsWriter;
  /** Makes the parts of one engine. */
  readonly assemble: () => Promise<EngineParts>;
}

/**
 * Brings a node's copy of a chain up to date.
 *
 * One engine is for one run: `start` (or `run`) once, `close` at the end.
 */
export class SyncEngine implements Closeable {
  /**
   * What it has done since it was made.
   *
   * @internal
   */
  readonly tally = new EngineTally();
  readonly #settings: EngineSettings;
  readonly #load: () => Promise<RunCode>;
  readonly #hub: EventHub;
  readonly #meter: ProgressMeter;
  readonly #book: PeerBook;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  #parts: EngineParts | null = null;
  #chain: Chain | null = null;
  readonly #opened = new Deferred<Chain>();
  #onChain: ((chain: Chain, Feeder: typeof Consumer) => void) | null = null;
  /** While a run adds blocks to the chain, nobody else does. */
  #release = (): void => undefined;
  #started: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** While a handler of `run` is fed; never rejects. */
  #feeding: Promise<void> | null = null;

  /**
   * Hosts call `createSyncEngine`.
   *
   * @internal
   */
  constructor(
    settings: EngineSettings,
    load: () => Promise<RunCode>,
    now: () => number,
    onEvent: (event: SyncEvent) => void = () => undefined,
  ) {
    this.#settings = settings;
    this.#load = load;
    this.#hub = new EventHub(now, (event) => {
      this.tally.event(event);
      onEvent(event);
    });
    this.#meter = new ProgressMeter(now);
    this.#book = new PeerBook(settings.peers, { retry: settings.retry, now });
    this.#now = now;
  }

  /**
   * Everything the engine tells, as it happens; nothing is replayed. Never errors: a failure is the phase `failed`
   * and the rejection of `start`. Completes when the engine is closed and the handler of `run` has ended. A subscriber that throws surfaces as an
   * uncaught exception, as always in RxJS, and does not stop the others.
   */
  get events(): Observable<SyncEvent> {
    return this.#hub.events;
  }

  /** The state as it changes; a new subscriber gets the present one first. Never errors. */
  get states(): Observable<SyncState> {
    return this.#hub.states;
  }

  /** The state at this moment; while a run goes on, its progress too, which is told of four times a second at most. */
  get state(): SyncState {
    const { state } = this.#hub;
    return OVER.has(state.phase) ? state : { ...state, progress: this.#meter.present() };
  }

  /** What is known of each peer at this moment, in the order of the configuration. */
  get peers(): readonly PeerInfo[] {
    return this.#book.info();
  }

  /** The chain in the engine's store; `null` until its rules are known and after `close`. */
  get chain(): Chain | null {
    return this.#chain;
  }

  /**
   * The chain in the engine's store, once it is open: at the start when the store holds blocks or the configuration names
   * the rules, else when a peer has announced them or a snapshot was imported. It is open until `close`: a source for
   * `syncMiddleware`, so that others get what was verified here while the sync goes on. Waits for `start` or `run`.
   *
   * @throws SyncError `ENGINE_CLOSED` when the engine is closed before; what it failed of before, `ABORTED` included.
   */
  opened(): Promise<Chain> {
    return this.#opened.promise;
  }

  /**
   * Opens the store, connects, and syncs to the peers' head or to `to`. Resolves when every block is durable.
   *
   * With `follow` it goes on with live blocks, and the phase says when the head was reached (`synced`); it then resolves
   * when the engine is closed or the signal fires, after the last commit. Called off before, it rejects with `ABORTED`.
   *
   * @throws SyncError of the failure that can't be helped; what was verified before it is in the store.
   * @throws TypeError for `chainOptions` that the rules do not take.
   */
  async start(options: AbortOptions = {}): Promise<void> {
    const signal = startSignal(options);
    if (this.#started !== null) {
      throw new SyncError('ENGINE_STARTED', 'The engine was started already.');
    }
    if (this.#closing !== null) throw new SyncError('ENGINE_CLOSED', 'The engine was closed.');
    this.#started = this.#start(signal);
    return this.#started;
  }

  /**
   * Syncs like `start` and feeds a handler with every block from its saved position on, also those that were in the
   * store before. A resolved promise acknowledges the block; a rejected one stops the engine, and the block comes
   * again in the next run. Resolves when the sync is complete and the handler has had every block; with `follow`, as
   * `start` does, when the handler has had the one in its hands.
   *
   * Once it is called off, the handler's second argument, a signal, fires; a handler that has not ended 5 seconds later is
   * left behind with a `warning`. Of several failures the first one is told.
   *
   * @throws SyncError `HANDLER_FAILED`; `FORKED` when blocks that the handler has had were dropped and there is no
   *   `onRollback`; or of the sync's own failure once the handler has had what came before it.
   */
  async run(handler: BlockHandler, options: RunOptions = {}): Promise<void> {
    const { signal, consumer: name, onRollback, after } = runArguments(handler, options);
    const feed: { consumer: Consumer | null; done: Promise<void> } = {
      consumer: null,
      done: Promise.resolve(),
    };
    this.#onChain = (chain, Feeder) => {
      const onLeft = (message: string): void => {
        this.#hub.warn('HANDLER_FAILED', message);
      };
      feed.consumer = new Feeder(chain, { name, handler, onRollback, after, onLeft });
      feed.done = feed.consumer.run(this.#abort.signal);
      this.#feeding = feed.done
        .catch((error: unknown) => {
          this.#abort.abort(error);
        })
        .finally(() => {
          this.#feeding = null;
        });
    };
    const failure = await failureOf(this.start({ signal: signal ?? undefined }));
    feed.consumer?.end();
    // The sync may be over long before the handler has had all blocks.
    const stopListening = onAbort(signal, () => {
      this.#abort.abort(signal?.reason);
    });
    const later = await failureOf(feed.done);
    stopListening();
    // The first one counts: the other may follow from it, as each write to a store does whose disk is full.
    if (failure !== null && !isSyncError(failure, 'ABORTED')) throw failure;
    if (later !== null && !this.#isEndOfFollowing(later)) throw later;
    if (failure !== null) throw failure;
  }

  /**
   * The blocks that `run` would hand over, for `for await`. Asking for the next block acknowledges the one before; a block
   * whose turn of the loop ends by `break` or an error comes again in the next run, and the sync is called off; so it is by
   * `return()`, which a stream that is made of it calls, also while it waits for a block. The sync begins when the first
   * block is asked for.
   *
   * @throws TypeError for options that `run` does not take; while it iterates, SyncError as `run` has it
   */
  blocks(options: RunOptions = {}): AsyncGenerator<Block, void, undefined> {
    const { signal, ...rest } = runOptions('blocks', options);
    return iterateBlocks(
      (handler, abort) =>
        this.run(handler, { ...rest, onRollback: rest.onRollback ?? undefined, signal: abort }),
      signal,
    );
  }

  /** Closes it, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Stops, waits for the commit under way, and closes everything. The checkpoint is kept. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #start(outer: AbortSignal | null): Promise<void> {
    const { signal } = this.#abort;
    const stopListening = onAbort(outer, () => {
      this.#abort.abort(outer?.reason);
    });
    try {
      await this.#sync(signal);
      this.#hub.progress(() => this.#meter.sample(), true);
      this.#hub.phase.synced();
    } catch (error) {
      if (!this.#isEndOfFollowing(error)) throw this.#failed(error);
      this.#hub.progress(() => this.#meter.sample(), true);
    } finally {
      stopListening();
      this.#release();
      this.#hub.phase.ended();
    }
  }

  async #feedBy(feed: (chain: Chain, Feeder: typeof Consumer) => void): Promise<(chain: Chain) => void> {
    const { Consumer: Feeder } = await import('../chain/consumer/consumer.js');
    return (chain) => {
      feed(chain, Feeder);
    };
  }

  async #sync(signal: AbortSignal): Promise<void> {
    this.#hub.phase.opening();
    for (const told of exposedCredentials(this.#settings.peers)) this.#hub.warn('CREDENTIALS_EXPOSED', told);
    const { sync, assemble } = await this.#load();
    const feed = this.#onChain === null ? null : await this.#feedBy(this.#onChain);
    const parts = await assemble();
    this.#parts = parts;
    const greeting = this.#greet(parts, signal);
    try {
      await parts.storage.open({ signal });
    } catch (error) {
      greeting?.cancel();
      throw error;
    }
    this.tally.opened(parts.storage.checkpoint().head?.height ?? null);
    this.#hub.checkpoint(parts.storage.checkpoint());
    const onChain = (chain: Chain): void => {
      this.#chain = chain;
      this.#release = chain.claim();
      this.tally.chain = chain.tally;
      this.#opened.resolve(chain);
      feed?.(chain);
    };
    const deps = {
      settings: this.#settings,
      parts,
      hub: this.#hub,
      meter: this.#meter,
      book: this.#book,
      tally: this.tally,
    };
    await sync({ ...deps, now: this.#now, greeting, onChain }, signal);
  }

  #greet({ transports: [transport] }: EngineParts, signal: AbortSignal): Greeting | null {
    const first = this.#book.peek();
    if (transport === undefined || first === null) return null;
    return new Greeting({ transport, now: this.#now }, first.record, signal);
  }

  #isEndOfFollowing(error: unknown): boolean {
    return this.#settings.follow && this.#hub.phase.wasSynced && isSyncError(error, 'ABORTED');
  }

  #failed(error: unknown): unknown {
    this.#hub.progress(() => this.#meter.sample(), true);
    const failure = isSyncError(error)
      ? error
      : new SyncError(
          'INTERNAL',
          `The engine failed: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
    // Options of rules are read when the rules are loaded: what is wrong with them is the host's, as at the call.
    const told = isRefusal(error) ? error : failure;
    this.#opened.reject(told);
    if (failure.code !== 'ABORTED') this.#hub.phase.failed(failure);
    return told;
  }

  async #close(): Promise<void> {
    this.#abort.abort(new SyncError('ABORTED', 'The engine was closed.'));
    await this.#started?.catch(() => undefined);
    this.#opened.reject(new SyncError('ENGINE_CLOSED', 'The engine was closed before its chain was open.'));
    try {
      await this.#closeParts();
    } finally {
      this.#chain = null;
      this.#hub.phase.closed();
      // A handler that doesn't end is told of before.
      if (this.#feeding === null) this.#hub.complete();
      else
        void this.#feeding.then(() => {
          this.#hub.complete();
        });
    }
  }

  async #closeParts(): Promise<void> {
    if (this.#chain !== null) await this.#chain.close();
    else await this.#parts?.close();
  }
}

/** What a promise is rejected with; `null` when it isn't. */
async function failureOf(promise: Promise<void>): Promise<Error | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
