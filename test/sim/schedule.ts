// What the first start of an engine loads is here before it: loading takes real time, in which the virtual clock would run on.
import '../../src/di/assemble.js';
import '../../src/di/codecs.js';
import '../../src/engine/sync-run.js';
import type { Frame } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import type { Chain, SyncEngineConfig, SyncEvent } from '../../src/index.js';
import { VirtualClock } from './clock.js';
import { drawFault, type FaultKind, FAULTS, type FaultyWorld, happen } from './faults.js';
import { LIES, type LieKind } from './lies.js';
import { Random } from './random.js';
import { World } from './world.js';

/** What a schedule is drawn from. */
export interface ScheduleOptions {
  /** Default all. */
  readonly faults?: readonly FaultKind[];
  /** Default all. */
  readonly lies?: readonly LieKind[];
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
  readonly liars: readonly LieKind[];
}

const MINUTE_MS = 60_000;
const MAX_FAULTS = 60;
const MEAN_PAUSE_MS = 5_000;
/** Once the faults have ended, the client has so long to be at the head. */
const PATIENCE_MS = 30 * MINUTE_MS;
/** A source with a liar that leaves out blocks goes on growing. */
const NEXT_BLOCK_MS = 2 * MINUTE_MS;
/** A client at the head has to stay there. */
const AFTERWARDS_MS = 5_000;
const MAX_ROLLBACK = 30;

/** Runs the world of one seed to its end. */
export async function runSchedule(seed: number, options: ScheduleOptions = {}): Promise<Outcome> {
  const { random } = Math;
  const clock = new VirtualClock();
  const draws = new Random(seed);
  // The engine's back-off is drawn from the same seed.
  Math.random = () => draws.next();
  try {
    return await new Schedule(seed, draws, clock, options).run();
  } finally {
    Math.random = random;
    clock.end();
  }
}

class Schedule {
  readonly #seed: number;
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #options: ScheduleOptions;
  readonly #counts = { cuts: 0, restarts: 0, faults: 0 };
  /** What was put off until the faults end at the latest. */
  readonly #put = new Set<() => void>();

  constructor(seed: number, random: Random, clock: VirtualClock, options: ScheduleOptions) {
    this.#seed = seed;
    this.#random = random;
    this.#clock = clock;
    this.#options = options;
  }

  async run(): Promise<Outcome> {
    const { lies = LIES, hears = () => true } = this.#options;
    const { alter = (config: SyncEngineConfig): SyncEngineConfig => config } = this.#options;
    const world = await World.make({
      random: this.#random,
      clock: this.#clock,
      lies,
      alter,
      observe: (event) => {
        this.#traceEvent(event);
        return hears(event);
      },
    });
    this.#trace('world', world.peers.map(({ url }) => url).join(' '));
    world.follower.start();
    await this.#disturb(world);
    const failures = await this.#conclude(world);
    const { follower, ledger, peers } = world;
    return {
      ...this.#counts,
      seed: this.#seed,
      failures,
      virtualMs: this.#clock.nowMs,
      blocks: follower.blocks,
      rollbacks: ledger.rollbacks,
      followed: follower.rollbacks,
      liars: peers.flatMap(({ lie }) => (lie === null ? [] : [lie.kind])),
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
    for (const line of world.network.lines) line.nextFault = null;
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

  /** The faults are over: the client gets to the head, and holds what the source holds. */
  async #conclude(world: World): Promise<readonly string[]> {
    const { ledger } = world;
    const behind = ledger.highest - (ledger.head?.height ?? -1);
    await ledger.append(behind + this.#random.int(1, 10));
    this.#trace('end', `of the faults; head ${ledger.head?.height ?? -1}`);
    const failures = [
      ...(await this.#reach(world)),
      ...world.follower.problems.slice(0, 3),
      ...viewFailures(world),
      ...world.reported.map((error) => `a server reported: ${describeError(error)}`),
      ...(await world.close(this.#clock)),
    ];
    for (const failure of failures) this.#trace('failure', failure);
    return failures;
  }

  /** Lets time go on until the client is at the head, and compares what it holds there. */
  async #reach(world: World): Promise<readonly string[]> {
    const { ledger, follower, peers } = world;
    const isThere = (): boolean => follower.phase === 'synced' && follower.head?.hash === ledger.head?.hash;
    const isOver = (): boolean => isThere() || follower.failure !== null;
    const endedMs = this.#clock.nowMs;
    // That a live block was left out shows only when the next one comes.
    const needsMore = peers.some(({ lie }) => lie?.kind === 'skips');
    const soon = needsMore ? NEXT_BLOCK_MS : PATIENCE_MS;
    while (!(await this.#clock.until(isOver, soon)) && this.#clock.nowMs - endedMs < PATIENCE_MS) {
      await ledger.append(1);
    }
    if (follower.failure !== null) return [`the engine failed: ${describeError(follower.failure)}`];
    if (!isThere()) return [notThere(world)];
    this.#trace('client', `is at the head after ${this.#clock.nowMs - endedMs} ms`);
    await this.#clock.until(() => false, AFTERWARDS_MS);
    if (!isThere()) return [`it was at the head and is ${follower.phase} now`];
    return differences(ledger.chain, follower.chain);
  }

  #traceEvent(event: SyncEvent): void {
    const isSmall = event.type === 'progress' || event.type === 'checkpoint';
    if (this.#options.trace !== undefined && !isSmall) this.#trace('client', describeEvent(event));
  }

  #trace(what: string, text: string): void {
    this.#options.trace?.(`${(this.#clock.nowMs / 1000).toFixed(3).padStart(9)} ${what.padEnd(14)} ${text}`);
  }
}

function notThere({ follower, ledger }: World): string {
  const minutes = PATIENCE_MS / MINUTE_MS;
  return `after ${minutes} minutes without faults it is ${follower.phase} at block ${follower.head?.height ?? -1}, not at ${ledger.head?.height ?? -1}`;
}

/** What a reader of the events holds has to be what the store holds. */
function viewFailures({ follower, ledger }: World): readonly string[] {
  const failures = follower.view.flatMap(({ height, hash }) =>
    ledger.made.has(hash) ? [] : [`block ${height} ${hash} was told of, which the source never had`],
  );
  const head = follower.head;
  if (head !== null && follower.view.at(-1)?.hash !== head.hash)
    failures.push('the last block that was told of is not the head');
  return failures.slice(0, 3);
}

/** Blocks in which two chains differ, byte for byte. */
async function differences(source: Chain, copy: Chain | null): Promise<readonly string[]> {
  const failures: string[] = [];
  const [theirs, ours] = [await framesOf(source), copy === null ? [] : await framesOf(copy)];
  if (theirs.length !== ours.length)
    failures.push(`the store has ${ours.length} blocks, not ${theirs.length}`);
  for (const [at, frame] of theirs.entries()) {
    const mine = ours[at];
    if (mine === undefined || !Buffer.from(mine.bytes).equals(frame.bytes))
      failures.push(`block ${frame.header.height} is not that of the source`);
  }
  return failures.slice(0, 3);
}

async function framesOf(chain: Chain): Promise<readonly Frame[]> {
  const { base, head } = chain.tip();
  const frames: Frame[] = [];
  for await (const batch of chain.read({ from: base, to: head?.height ?? -1 })) frames.push(...batch);
  return frames;
}

function describeError(error: unknown): string {
  if (isSyncError(error)) return `${error.code} ${error.message} (${error.context.peer ?? 'no peer'})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function describeEvent(event: object): string {
  return JSON.stringify(event, (key, value: unknown) => {
    if (value instanceof Error) return describeError(value);
    if (key === 'dropped' && Array.isArray(value)) return value.length;
    return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 6) : value;
  });
}
