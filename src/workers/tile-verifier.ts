import type {
  ChainRulesPlugin,
  Closeable,
  CodecPlugin,
  CodecRegistry,
  TileEntry,
  VerifiedTile,
  VerifyTile,
  VerifyTileOptions,
} from '../contracts/index.js';
import { isSyncError, SyncError } from '../errors/index.js';
import { throwIfAborted } from '../internal/abort.js';
import { canLoad, workerProgram } from '../internal/node/worker-program.js';
import { verifiedTile } from '../tiles/verified.js';
import type { CheckedTile } from '../tiles/verify.js';
import { lazyCodecs } from './codecs.js';
import { closed, type Order, TilesHere, type TileRules } from './here.js';
import type { WorkerModule } from './messages.js';
import { ThreadPool } from './thread-pool.js';
import { ThreadRamp } from './thread-ramp.js';
import { outgoingTile, type PackedTile, unpackTile } from './tile-messages.js';

/** Options of {@link createTileVerifier}. */
export interface TileVerifierOptions extends TileRules {
  /** How threads make the same rules; `null` where they can't. */
  readonly worker: ChainRulesPlugin['worker'] | null;
  /** Codecs that bodies may be in besides gzip. Default none. */
  readonly codecs?: readonly CodecPlugin[];
  /** Most threads; 0 for none. */
  readonly threads: number;
  /** Bytes of tiles, and 1,536 for each block, that come before the first thread; with 0 none does. Default 64 MiB. */
  readonly firstThreadCost?: number;
}

/** Checks tiles, until it is closed. */
export interface TileVerifier extends Closeable {
  readonly verify: VerifyTile;
}

/** How long a thread without work is kept. */
const IDLE_MS = 5000;

/** Rules of a host may parse what they check. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4 };

/** Whether tiles go to threads: `failed` when the rules can't be made on one. */
type Threads =
  | { readonly kind: 'none' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'started' }
  | { readonly kind: 'failed'; readonly error: SyncError };

/**
 * Makes what checks the tiles of one chain. The first ones are checked on the calling thread, which goes on with other
 * work every few milliseconds: starting a thread, and compiling there what runs here already, takes as long as some ten
 * thousand blocks. When more come, they are all checked on worker threads, several at once. Those end when they have
 * been idle and never keep a process alive without work. A body in a codec that threads can't make is decoded here.
 *
 * A thread that dies, or passes its heap limit of 512 MiB, rejects its own tile with `INTERNAL` and is replaced. Rules
 * that can't be made on a thread are `PLUGIN_INCOMPATIBLE`.
 */
export function createTileVerifier(options: TileVerifierOptions): TileVerifier {
  const verifier = new Verifier(options);
  return {
    verify: (entry, body, options) => verifier.verify(entry, body, options),
    close: () => verifier.close(),
  };
}

class Verifier {
  readonly #rules: TileRules;
  readonly #codecs: CodecRegistry;
  /** How threads make them. */
  readonly #codecModules: ReadonlyMap<string, WorkerModule>;
  readonly #ramp: ThreadRamp;
  readonly #pool: ThreadPool | null;
  readonly #here: TilesHere;
  #threads: Threads = { kind: 'none' };
  #isClosed = false;

  constructor(options: TileVerifierOptions) {
    const { worker, codecs = [], threads, firstThreadCost } = options;
    this.#rules = options;
    this.#here = new TilesHere(options);
    this.#codecs = lazyCodecs(new Map(codecs.map((plugin) => [plugin.name, () => plugin.create()])));
    this.#codecModules = modulesOf(codecs);
    this.#ramp = new ThreadRamp({ most: threads, firstCost: firstThreadCost });
    if (firstThreadCost === 0) this.#threads = { kind: 'started' };
    const most = (): number => Math.max(1, this.#ramp.threads);
    this.#pool = worker === null || worker === undefined || threads === 0 ? null : poolOf(worker, most);
  }

  async verify(
    entry: TileEntry,
    body: Uint8Array,
    { signal, codec: id = 'gzip' }: VerifyTileOptions,
  ): Promise<VerifiedTile> {
    throwIfAborted(signal);
    if (this.#isClosed) throw closed();
    const order = { entry, body, codec: id === 'gzip' ? null : this.#codecs.get(id) };
    const pool = this.#poolFor(order);
    const tile =
      pool === null ? await this.#here.check(order, signal) : await this.#verifyOn(pool, order, signal);
    return verifiedTile(entry, tile, body);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#here.stop();
    await this.#pool?.close();
    await this.#here.close();
  }

  /** The threads, when it is their turn; the first of them is started beside the work here. */
  #poolFor({ entry, codec }: Order): ThreadPool | null {
    if (this.#pool === null || (codec !== null && !this.#codecModules.has(codec.id))) return null;
    this.#ramp.add(entry);
    if (this.#ramp.threads === 0) return null;
    if (this.#threads.kind === 'none') this.#start(this.#pool);
    if (this.#threads.kind === 'failed') throw this.#threads.error;
    return this.#threads.kind === 'started' ? this.#pool : null;
  }

  #start(pool: ThreadPool): void {
    this.#threads = { kind: 'starting' };
    pool
      .run(() => ({ content: { kind: 'start' }, transfer: [] }), undefined)
      .then(
        () => {
          this.#threads = { kind: 'started' };
        },
        (cause: unknown) => {
          this.#threads = { kind: 'failed', error: unusable(this.#rules.rules.id, cause) };
        },
      );
  }

  async #verifyOn(pool: ThreadPool, order: Order, signal: AbortSignal | undefined): Promise<CheckedTile> {
    const { maxBlockBytes } = this.#rules;
    const codec = order.codec === null ? null : (this.#codecModules.get(order.codec.id) ?? null);
    const packed = await pool.run(
      () => outgoingTile({ kind: 'tile', ...order, maxBlockBytes, codec }),
      signal,
    );
    return unpackTile(packed as PackedTile);
  }
}

function modulesOf(codecs: readonly CodecPlugin[]): ReadonlyMap<string, WorkerModule> {
  return new Map(
    codecs.flatMap(({ name: id, worker }): [string, WorkerModule][] =>
      worker === undefined ? [] : [[id, { id, ...worker }]],
    ),
  );
}

/** `null` where threads can't make the rules, as in a bundle. */
function poolOf(worker: NonNullable<ChainRulesPlugin['worker']>, most: () => number): ThreadPool | null {
  const program = workerProgram('src/workers/tile-thread.js');
  if (program === null || !canLoad(program, worker.module)) return null;
  return new ThreadPool({
    program: { program, name: 'tile', data: worker, limits: LIMITS },
    threads: most,
    idleMs: IDLE_MS,
  });
}

function unusable(rules: string, cause: unknown): SyncError {
  const why = isSyncError(cause) ? ` ${cause.message}` : '';
  const message = `The chain rules ${rules} can't be used on a thread; \`threads: 0\` does without.${why}`;
  return new SyncError('PLUGIN_INCOMPATIBLE', message, { cause });
}
