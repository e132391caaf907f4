import type { SyncEngineConfig, SyncEvent } from '../../src/index.js';
import { VirtualClock } from './clock.js';
import { conclude } from './conclude.js';
import { describeEvent } from './describe.js';
import { drawFault, type FaultKind, FAULTS, type FaultyWorld, happen } from './faults.js';
import type { LieKind } from './kinds.js';
import { Random } from './random.js';
import { drawTerms, type Terms, type TermsOptions } from './terms.js';
import { type Ending, World } from './world.js';

/** What a schedule is drawn from. */
export interface ScheduleOptions extends TermsOptions {
  /** Default all. */
  readonly faults?: readonly FaultKind[] | undefined;
  /** Replaces parts of the client, to see whether a broken one is noticed. Default: nothing. */
  readonly alter?: (config: SyncEngineConfig) => SyncEngineConfig;
  /** What the reader of the events hears of them. Default all. */
  readonly hears?: (event: SyncEvent) => boolean;
  /** Gets a line for each thing that happens. Default: nobody. */
  readonly trace?: (line: string) => void;
}

/** What came of a schedule. */
export interface Outcome {
  readonly seed: number;
  /** Ways in which the client was not what it has to be; none is good. */
  readonly failures: readonly string[];
  readonly virtualMs: number;
  /** Faults that have happened. */
  readonly faults: number;
  /** Blocks that the client has taken. */
  readonly blocks: number;
  /** Rollbacks of the source. */
  readonly rollbacks: number;
  /** Rollbacks that the client was told of. */
  readonly followed: number;
  readonly cuts: number;
  readonly restarts: number;
  /** Times that the process of the client has died. */
  readonly crashes: number;
  /** How often while it wrote tiles that came whole, or made tiles. */
  readonly tileCrashes: number;
  /** Blocks that the client has in tiles at the end. */
  readonly tiledBlocks: number;
  /** Rollbacks of the source below what was settled. */
  readonly deepRollbacks: number;
  readonly terms: Terms;
  readonly liars: readonly LiarCount[];
  /** Where the client ended. */
  readonly ending: Ending;
  /** Whether the source ended shorter than it was. */
  readonly truncated: boolean;
}

/** What one liar has done. */
export interface LiarCount {
  readonly kind: LieKind;
  /** How often it has lied. */
  readonly told: number;
}

const MINUTE_MS = 60_000;
const MAX_FAULTS = 60;
const MEAN_PAUSE_MS = 5_000;
const MAX_ROLLBACK = 30;

/** Runs the world of one seed to its end. */
export async function runSchedule(seed: number, options: ScheduleOptions = {}): Promise<Outcome> {
  const { random } = Math;
  const { stackTraceLimit } = Error;
  const clock = new VirtualClock();
  const draws = new Random(seed);
  // The engine's back-off is drawn from the same seed.
  Math.random = () => draws.next();
  // Errors are values here, and most of the time would go into stacks that nobody reads.
  if (options.trace === undefined) Error.stackTraceLimit = 0;
  try {
    return await new Schedule(seed, draws, clock, options).run();
  } finally {
    Math.random = random;
    Error.stackTraceLimit = stackTraceLimit;
    clock.end();
  }
}

class Schedule {
  readonly #seed: number;
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #options: ScheduleOptions;
  readonly #counts = { cuts: 0, restarts: 0, crashes: 0, faults: 0 };
  /** What was put off until the faults end at the latest. */
  readonly #put = new Set<() => void>();

  constructor(seed: number, random: Random, clock: VirtualClock, options: ScheduleOptions) {
    this.#seed = seed;
    this.#random = random;
    this.#clock = clock;
    this.#options = options;
  }

  async run(): Promise<Outcome> {
    const { hears = () => true, alter = (config: SyncEngineConfig): SyncEngineConfig => config } =
      this.#options;
    const terms = drawTerms(this.#random, this.#options);
    const world = await World.make({
      random: this.#random,
      terms,
      alter,
      observe: (event) => {
        this.#traceEvent(event);
        return hears(event);
      },
    });
    this.#trace(
      'world',
      describeTerms(
        world.peers.map(({ url }) => url),
        terms,
      ),
    );
    // Most tiles come in the first seconds, before any fault.
    if (terms.tiled && this.#random.chance(0.4))
      world.follower.crashAt(
        { write: this.#random.int(1, 4), isAfter: this.#random.chance(0.5), tilesOnly: true },
        () => (this.#counts.crashes += 1),
      );
    world.follower.start();
    await this.#disturb(world);
    let tiledBlocks = 0;
    const failures = await conclude(world, {
      atEnd: async () => {
        tiledBlocks = await world.follower.tiledBlocks();
      },
      random: this.#random,
      clock: this.#clock,
      trace: (what, text) => {
        this.#trace(what, text);
      },
    });
    const { follower, ledger, peers } = world;
    return {
      ...this.#counts,
      seed: this.#seed,
      failures,
      virtualMs: this.#clock.nowMs,
      blocks: follower.blocks,
      rollbacks: ledger.rollbacks,
      followed: follower.rollbacks,
      tileCrashes: follower.deaths.filter((at) => at !== 'commit').length,
      tiledBlocks,
      deepRollbacks: ledger.hasGoneDeep ? 1 : 0,
      terms,
      liars: peers.flatMap(({ lie }) => (lie === null ? [] : [{ kind: lie.kind, told: lie.told }])),
      truncated: world.truncated,
      ending: world.ending,
    };
  }

  /** Lets faults happen at random moments. */
  async #disturb(world: World): Promise<void> {
    const { faults = FAULTS } = this.#options;
    const count = this.#random.int(10, MAX_FAULTS);
    const faulty = this.#faulty(world);
    for (let done = 0; done < count && world.follower.failure === null; done++) {
      const pauseMs = this.#random.wait(MEAN_PAUSE_MS);
      await this.#clock.until(() => false, pauseMs);
      const kind = drawFault(this.#random, faults);
      this.#trace(kind, '…');
      const happening = happen(kind, faulty).then((text) => {
        this.#trace(kind, text);
      });
      await this.#clock.settled(happening, MINUTE_MS);
      await happening;
      this.#counts.faults += 1;
    }
    for (const undo of [...this.#put]) undo();
    for (const line of world.network.lines) line.mend();
  }

  #faulty({ ledger, network, follower }: World): FaultyWorld {
    return {
      random: this.#random,
      ledger,
      network,
      follower,
      maxRollback: MAX_ROLLBACK,
      later: (ms, run) => {
        const once = (): void => {
          this.#put.delete(once);
          stop();
          run();
        };
        const stop = this.#clock.after(ms, once);
        this.#put.add(once);
      },
      count: (what, by) => {
        this.#counts[what] += by;
      },
    };
  }

  #traceEvent(event: SyncEvent): void {
    const isSmall = event.type === 'progress' || event.type === 'checkpoint';
    if (this.#options.trace !== undefined && !isSmall) this.#trace('client', describeEvent(event));
  }

  #trace(what: string, text: string): void {
    this.#options.trace?.(`${(this.#clock.nowMs / 1000).toFixed(3).padStart(9)} ${what.padEnd(14)} ${text}`);
  }
}

function describeTerms(
  urls: readonly string[],
  { agree, pin, producers, together, truncates, tiled }: Terms,
): string {
  return `${urls.join(' ')} ${JSON.stringify({ agree, pin, producers, together, truncates, tiled })}`;
}
