import type { Follower } from './follower.js';
import type { BodyFault } from './connection.js';
import type { Ledger } from './ledger.js';
import type { Line, Network, Reachability } from './network.js';
import type { Random } from './random.js';

/** What happens to the source, the lines and the client while a schedule goes on. */
export const FAULTS = [
  'append',
  'burst',
  'rollback',
  'deep-rollback',
  'cut',
  'body-cut',
  'body-silence',
  'body-end',
  'drip',
  'dead',
  'all-dead',
  'silent',
  'busy',
  'refuse',
  'refuse-anchor',
  'server-restart',
  'client-restart',
  'client-crash',
] as const;

export type FaultKind = (typeof FAULTS)[number];

/** How often each is drawn. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  append: 40,
  burst: 3,
  rollback: 10,
  'deep-rollback': 1,
  cut: 8,
  'body-cut': 6,
  'body-silence': 4,
  'body-end': 4,
  drip: 4,
  dead: 4,
  'all-dead': 2,
  silent: 3,
  busy: 4,
  refuse: 2,
  'refuse-anchor': 1,
  'server-restart': 3,
  'client-restart': 3,
  'client-crash': 4,
};

/** A body fault lies within so many bytes. */
const MAX_FAULT_BYTES = 20_000;
/** Answers after which nobody asks again without a reason: refused, not here, and a page in place of the service. */
const FINAL: readonly number[] = [401, 404, 200];
/** Blocks above a settled one; most blocks of a rollback into tiles. */
const SETTLED_DEPTH = 64;
const DEEP = 120;
/** The process dies within so many writes. */
const MAX_WRITES = 12;
const MEAN_OUTAGE_MS = 20_000;

/** What faults happen to. */
export interface FaultyWorld {
  readonly random: Random;
  readonly ledger: Ledger;
  readonly network: Network;
  readonly follower: Follower;
  /** Blocks that may be dropped from the newest ones at once. */
  readonly maxRollback: number;
  /** Runs something later, unless the faults have ended by then. */
  readonly later: (ms: number, run: () => void) => void;
  readonly count: (what: 'cuts' | 'restarts' | 'crashes', by: number) => void;
}

/** Draws one of the kinds. */
export function drawFault(random: Random, kinds: readonly FaultKind[]): FaultKind {
  const total = kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
  let at = random.next() * total;
  for (const kind of kinds) {
    at -= WEIGHTS[kind];
    if (at < 0) return kind;
  }
  return random.pick(kinds);
}

const isAnchor = ({ peer }: Line): boolean => peer.isAnchor;

type Action = (world: FaultyWorld) => Promise<string> | string;

const ACTIONS: Readonly<Record<FaultKind, Action>> = {
  append: ({ random, ledger }) => grow(ledger, random.int(1, 5)),
  burst: ({ random, ledger }) => grow(ledger, random.int(10, 60)),
  rollback: rollBack,
  'deep-rollback': rollBackIntoTiles,
  cut: cutOne,
  'body-cut': (world) => failBody(world, 'cut'),
  'body-silence': (world) => failBody(world, 'silence'),
  'body-end': (world) => failBody(world, 'end'),
  drip: slowDown,
  dead: (world) => takeDown(world, [world.random.pick(world.network.lines)], 'dead'),
  'all-dead': (world) => takeDown(world, world.network.lines, 'dead'),
  silent: (world) => takeDown(world, [world.random.pick(world.network.lines)], 'silent'),
  busy: (world) => refuse(world, world.network.lines, [429, 500, 503]),
  refuse: (world) =>
    refuse(
      world,
      world.network.lines.filter((line) => !isAnchor(line)),
      FINAL,
    ),
  'refuse-anchor': (world) => refuse(world, world.network.lines.filter(isAnchor), FINAL),
  'server-restart': restartServer,
  'client-restart': restartClient,
  'client-crash': crashClient,
};

/** Lets something happen. @returns what it was, for people. */
export async function happen(kind: FaultKind, world: FaultyWorld): Promise<string> {
  return ACTIONS[kind](world);
}

async function grow(ledger: Ledger, count: number): Promise<string> {
  await ledger.append(count);
  return `${count} blocks, head ${ledger.height}`;
}

async function rollBack({ random, ledger, maxRollback }: FaultyWorld): Promise<string> {
  const depth = random.chance(0.7) ? random.int(1, Math.min(5, maxRollback)) : random.int(1, maxRollback);
  const before = ledger.height;
  await ledger.rollBack(depth);
  // Mostly the other branch is there at once, and sometimes it lets followers wait.
  if (random.chance(0.6)) await ledger.append(random.int(1, depth + 3));
  return `by ${depth} from ${before}, head ${ledger.height}`;
}

/** Below blocks that were settled, once at most: a client goes back further than nodes do, and not for ever. */
async function rollBackIntoTiles({ random, ledger }: FaultyWorld): Promise<string> {
  const before = ledger.height;
  if (before < 2 * DEEP || ledger.hasGoneDeep) return 'not here';
  ledger.hasGoneDeep = true;
  const depth = random.int(SETTLED_DEPTH + 1, DEEP);
  await ledger.rollBack(depth);
  if (random.chance(0.6)) await ledger.append(random.int(1, depth + 3));
  return `by ${depth} from ${before}, head ${ledger.height}`;
}

function cutOne({ random, network, count }: FaultyWorld): string {
  const open = network.lines.filter(({ connections }) => connections.size > 0);
  if (open.length === 0) return 'nothing was open';
  const line = random.pick(open);
  count('cuts', line.cut());
  return line.peer.url;
}

/** To a body that is open, or to the next one. */
function failBody({ random, network, count }: FaultyWorld, kind: BodyFault): string {
  const line = random.pick(network.lines);
  const afterBytes = random.chance(0.3) ? 0 : random.int(1, MAX_FAULT_BYTES);
  const [open] = line.connections;
  count('cuts', 1);
  if (open === undefined || random.chance(0.3)) line.nextFault = { kind, afterBytes };
  else open.fail(kind, afterBytes);
  return `${line.peer.url} after ${afterBytes} bytes`;
}

function slowDown(world: FaultyWorld): string {
  const { random, network } = world;
  const line = random.pick(network.lines);
  line.dripMs = random.int(1, 2000);
  world.later(random.wait(MEAN_OUTAGE_MS), () => {
    line.dripMs = null;
  });
  return `${line.peer.url} ${line.dripMs} ms a piece`;
}

function takeDown(
  world: FaultyWorld,
  lines: readonly Line[],
  reachability: Extract<Reachability, string>,
): string {
  const forMs = world.random.wait(MEAN_OUTAGE_MS);
  for (const line of lines) {
    line.reachability = reachability;
    if (reachability === 'dead') world.count('cuts', line.cut());
  }
  world.later(forMs, () => {
    for (const line of lines) line.reachability = 'up';
  });
  return `${lines.map(({ peer }) => peer.url).join(' ')} for ${forMs} ms`;
}

function refuse(world: FaultyWorld, lines: readonly Line[], statuses: readonly number[]): string {
  const { random } = world;
  if (lines.length === 0) return 'there is no such peer';
  const line = random.pick(lines);
  const status = random.pick(statuses);
  const retryAfterSeconds = statuses !== FINAL && random.chance(0.5) ? random.int(1, 90) : null;
  const forMs = random.wait(MEAN_OUTAGE_MS);
  line.reachability = { status, retryAfterSeconds };
  world.later(forMs, () => {
    line.reachability = 'up';
  });
  return `${line.peer.url} answers ${status} for ${forMs} ms`;
}

async function restartServer({ random, network, count }: FaultyWorld): Promise<string> {
  const line = random.pick(network.lines);
  count('cuts', line.cut());
  await line.peer.restart();
  return line.peer.url;
}

async function restartClient(world: FaultyWorld): Promise<string> {
  const { random, follower } = world;
  if (!follower.isRunning) return 'it is away';
  const awayMs = random.wait(MEAN_OUTAGE_MS);
  world.count('restarts', 1);
  await follower.stop();
  world.later(awayMs, () => {
    follower.start();
  });
  return `for ${awayMs} ms`;
}

/** The process ends in the middle of its work, and is started anew by whoever minds it. */
function crashClient({ random, follower, count }: FaultyWorld): string {
  if (!follower.isRunning) return 'it is away';
  const tilesOnly = random.chance(0.3);
  const plan = { write: random.int(1, tilesOnly ? 2 : MAX_WRITES), isAfter: random.chance(0.5), tilesOnly };
  follower.crashAt(plan, () => {
    count('crashes', 1);
  });
  return JSON.stringify(plan);
}
