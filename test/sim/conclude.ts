import type { BlockRef, Frame } from '../../src/contracts/index.js';
import type { Chain } from '../../src/index.js';
import type { VirtualClock } from './clock.js';
import { describeError } from './describe.js';
import { type LieKind, mayWin } from './kinds.js';
import { broken } from './promises.js';
import type { Random } from './random.js';
import { mayEndElsewhere } from './terms.js';
import type { World } from './world.js';

const MINUTE_MS = 60_000;
/** Once the faults have ended, the client has so long to be at the head. */
const PATIENCE_MS = 30 * MINUTE_MS;
/** A source with a liar that keeps something back goes on growing: it shows when the next block comes. */
const NEXT_BLOCK_MS = 2 * MINUTE_MS;
/** What goes on beside the rest is over after so long. */
const AFTERWARDS_MS = 5_000;
/** A client at the head has to stay there. */
const STAYS_MS = 5 * MINUTE_MS;
/** A source that has become shorter stays so for this long. */
const SHORTER_MS = 2 * MINUTE_MS;
/** What a client does with a liar alone shows within this time. */
const ALONE_MS = 6 * MINUTE_MS;
const MAX_TRUNCATED = 10;

/** What the end of a schedule works with. */
export interface Conclusion {
  readonly random: Random;
  readonly clock: VirtualClock;
  readonly trace: (what: string, text: string) => void;
  /** Runs at the end, before the client is closed. */
  readonly atEnd: () => Promise<void>;
}

/** The faults are over. @returns what was not as it was promised */
export async function conclude(world: World, how: Conclusion): Promise<readonly string[]> {
  const { random, clock, trace } = how;
  const { ledger, forgeries } = world;
  for (const forgery of forgeries) await forgery.settle();
  await ledger.append(ledger.highest - ledger.height + random.int(1, 10));
  trace('end', `of the faults; head ${ledger.height}`);
  const ending = world.terms.anchor === null ? endAlone : endWithOthers;
  const ended = await ending(world, how);
  await how.atEnd();
  const failures = [
    ...ended,
    ...world.follower.problems.slice(0, 3),
    ...world.watch.failures,
    ...world.reported.map((error) => `a server reported: ${describeError(error)}`),
    ...(await world.close(clock)).map((left) => broken('tidy', left)),
  ];
  for (const failure of failures) trace('failure', failure);
  return failures;
}

/** There is an honest peer: the client gets to the head, and holds what the source holds. */
async function endWithOthers(world: World, how: Conclusion): Promise<readonly string[]> {
  const failures = await reach(world, how, 'end');
  if (failures.length > 0 || !world.terms.truncates || endsElsewhere(world)) return failures;
  return endShorter(world, how);
}

/** Lets time go on until the client is where it may end, and compares what it holds there. */
async function reach(
  world: World,
  { clock, trace }: Conclusion,
  promise: 'end' | 'alone',
): Promise<readonly string[]> {
  const { ledger, follower } = world;
  const isOver = (): boolean => isThere(world) || follower.failure !== null;
  const endedMs = clock.nowMs;
  const soon = needsMore(world) ? NEXT_BLOCK_MS : PATIENCE_MS;
  while (!(await clock.until(isOver, soon)) && clock.nowMs - endedMs < PATIENCE_MS) await ledger.append(1);
  if (follower.failure !== null)
    return [broken(promise, `the engine failed: ${describeError(follower.failure)}`)];
  if (!isThere(world)) return [broken(promise, notThere(world))];
  trace('client', `is at the head after ${clock.nowMs - endedMs} ms`);
  if (!(await stays(world, clock)))
    return [broken(promise, `it was at the head and left it, and is ${follower.phase} now`)];
  return compare(world);
}

/** Whether the client, which is at the head, does not leave it any more, or only as often as others give it a reason to. */
async function stays(world: World, clock: VirtualClock): Promise<boolean> {
  for (let reasons = reasonsToLeave(world); ; reasons--) {
    if (!(await clock.until(() => !isThere(world), STAYS_MS))) return true;
    if (reasons === 0 || !(await clock.until(() => isThere(world), PATIENCE_MS))) return false;
  }
}

/** Each liar may claim more, and is listened to; and a peer may fail to confirm what it was asked while there were faults. */
function reasonsToLeave({ terms: { lies, agree } }: World): number {
  return lies.filter((lie) => lie !== null).length + (agree > 1 ? 1 : 0);
}

/** The operator of the source takes blocks away, and makes others only later. */
async function endShorter(world: World, how: Conclusion): Promise<readonly string[]> {
  const { ledger, follower, watch, terms } = world;
  const { head: before } = follower;
  const heldBefore = watch.held;
  const dropped = await ledger.rollBack(how.random.int(1, MAX_TRUNCATED));
  if (dropped === 0) return [];
  world.truncated = true;
  how.trace('source', `ends ${dropped} blocks shorter, at ${ledger.height}`);
  await how.clock.until(() => false, SHORTER_MS);
  const failures: string[] = [];
  if (follower.head?.hash !== before?.hash)
    failures.push(broken('shorter', `block ${before?.height ?? -1} was the head and was given up`));
  const isTold = terms.lies.some((lie) => lie !== null) || watch.held > heldBefore;
  if (!isTold) failures.push(broken('shorter', 'nothing told that a longer branch is kept'));
  await ledger.append(dropped + how.random.int(1, 3));
  return [...failures, ...(await reach(world, how, 'end'))];
}

/** Nobody but a liar is there. */
async function endAlone(world: World, how: Conclusion): Promise<readonly string[]> {
  const [kind = null] = world.terms.lies;
  if (kind !== null && isConsistent(kind) && !isForbidden(world)) return reach(world, how, 'alone');
  const endMs = how.clock.nowMs + ALONE_MS;
  while (how.clock.nowMs < endMs) {
    await how.clock.until(() => false, NEXT_BLOCK_MS);
    await world.ledger.append(1);
  }
  await how.clock.until(() => false, AFTERWARDS_MS);
  const store = await storeOf(world);
  return [...unmetClaims(world), ...compareEvents(world, store)];
}

function unmetClaims({ terms, follower }: World): readonly string[] {
  const claimsMore = terms.lies.some((lie) => lie === 'far-head' || lie === 'lure');
  if (!claimsMore || follower.phase !== 'synced') return [];
  return [
    broken('claims', `it is synced at block ${follower.head?.height ?? -1}, and its peer claims far more`),
  ];
}

/** A liar that claims what it has. */
function isConsistent(kind: LieKind): boolean {
  return mayWin(kind) || kind === 'prefix' || kind === 'replicas';
}

/** Whether what the client knows rules out what its only peer has. */
function isForbidden({ terms }: World): boolean {
  return terms.pin !== null || terms.agree > 1 || terms.producers;
}

/** That something was kept back, or is another branch, shows only when the next block comes. */
function needsMore({ terms }: World): boolean {
  return terms.lies.some((lie) => lie !== null);
}

function isThere(world: World): boolean {
  const { follower, ledger, forgeries, terms } = world;
  const { head, phase } = follower;
  if (phase !== 'synced' || head === null) return false;
  if (terms.anchor === null) return forgeries.some((forgery) => forgery.head?.hash === head.hash);
  return head.hash === ledger.head?.hash || endsElsewhere(world);
}

/** Whether the client is on the branch of a liar, and may be. */
function endsElsewhere({ follower, ledger, forgeries, terms }: World): boolean {
  if (!mayEndElsewhere(terms)) return false;
  const { head } = follower;
  return forgeries.some(
    (forgery) =>
      mayWin(forgery.kind) &&
      forgery.differs &&
      forgery.head?.hash === head?.hash &&
      (forgery.head?.height ?? -1) >= ledger.height,
  );
}

function notThere({ follower, ledger }: World): string {
  const minutes = PATIENCE_MS / MINUTE_MS;
  return `after ${minutes} minutes without faults it is ${follower.phase} at block ${follower.head?.height ?? -1}, not at ${ledger.height}`;
}

/** Whether a frame of the client's store is a document: large blocks of a tile are encoded. */
function isOf({ follower }: World, frame: Frame, document: Uint8Array): boolean {
  return follower.chain !== null && Buffer.from(follower.chain.decode(frame).bytes).equals(document);
}

/** What was told and handed on is what the store holds, and that is what the branch holds that the client is on. */
async function compare(world: World): Promise<readonly string[]> {
  const { follower, ledger, forgeries } = world;
  const served = [ledger.served, ...forgeries.map((forgery) => forgery.served)];
  const source = served.find(({ head }) => head?.hash === follower.head?.hash) ?? ledger.served;
  const store = await storeOf(world);
  const failures: string[] = [];
  if (store.length !== source.branch.length)
    failures.push(broken('end', `the store has ${store.length} blocks, not ${source.branch.length}`));
  for (const [at, { height, document }] of source.branch.entries()) {
    const mine = store[at];
    if (mine === undefined || !isOf(world, mine, document))
      failures.push(broken('end', `block ${height} is not that of the source`));
  }
  return [...failures.slice(0, 3), ...compareEvents(world, store)];
}

function compareEvents(world: World, store: readonly Frame[]): readonly string[] {
  const { view, handed } = world.follower;
  for (const block of view) world.watch.block(block);
  for (const { header } of store) world.watch.stored(header);
  world.watch.settle('the schedule is over');
  const head = toldHead(world);
  if (head === null) return [];
  const failures: string[] = [];
  if (view.at(-1)?.hash !== head.hash)
    failures.push(broken('kept', 'the last block that was told of is not the head'));
  if (handed.at(-1)?.hash !== head.hash)
    failures.push(
      broken('handed', `the handler has had blocks up to ${handed.at(-1)?.height ?? -1}, not all`),
    );
  return failures;
}

/** What too few peers have confirmed is stored, and neither told nor handed on. */
function toldHead({ follower, terms }: World): BlockRef | null {
  const tip = follower.chain?.tip() ?? null;
  if (tip === null) return null;
  return terms.agree > 1 ? tip.confirmed : tip.head;
}

async function storeOf({ follower }: World): Promise<readonly Frame[]> {
  return follower.chain === null ? [] : framesOf(follower.chain);
}

async function framesOf(chain: Chain): Promise<readonly Frame[]> {
  const { base, head } = chain.tip();
  const frames: Frame[] = [];
  for await (const batch of chain.read({ from: base, to: head?.height ?? -1 })) frames.push(...batch);
  return frames;
}
