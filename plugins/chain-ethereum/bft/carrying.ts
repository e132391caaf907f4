import type { ValidatorCarrying, ValidatorStep } from '../../../src/contracts/index.js';
import { type Ballot, BlockMaker, readBallot } from './ballot.js';
import type { Curve } from './recover.js';
import { invalid } from './seals.js';
import { begun, countedIn, renewed, type Tally } from './tally.js';
import { keptBlocks, turnFault } from './turns.js';
import { changed, type PinnedValidators, sameSet, textOf, unprovedChange } from './validators.js';

/** Blocks that are read below the beginning of an epoch, to know who has signed the last ones. */
const BEFORE_EPOCH = 32;

const NOTHING_BELOW: readonly BlockMaker[] = [];

/** What a block leaves: in each way of counting that fits the blocks so far, who may make the next one. */
class Left {
  readonly height: number;
  readonly tallies: readonly Tally[];
  /** Who signed the newest blocks of Clique, newest last. */
  readonly recent: readonly BlockMaker[];

  constructor(height: number, tallies: readonly Tally[], recent: readonly BlockMaker[]) {
    this.height = height;
    this.tallies = tallies;
    this.recent = recent;
  }
}

/** What {@link Carrying} works with. */
export interface CarryingDeps {
  readonly pinned: PinnedValidators;
  /** Whether votes change validators; else only an entry of the configuration does. */
  readonly countsVotes: boolean;
  readonly epochBlocks: number;
  readonly curve: Curve;
  read(document: Uint8Array): ValidatorStep & { readonly isListed: boolean };
}

/** A block and what it says of its makers. */
interface Taken {
  readonly height: number;
  /** Its own list, ascending; `null` where it has none. */
  readonly stated: readonly string[] | null;
  readonly ballot: (Ballot & { readonly maker: BlockMaker }) | null;
}

/** Counts the votes of a chain's validators, and knows in Clique whose turn it is. */
export class Carrying implements ValidatorCarrying {
  readonly #deps: CarryingDeps;

  constructor(deps: CarryingDeps) {
    this.#deps = deps;
  }

  read(document: Uint8Array): ValidatorStep {
    const { height, validators, ballot } = this.#deps.read(document);
    return {
      height,
      ...(validators === undefined ? {} : { validators }),
      ...(ballot === undefined ? {} : { ballot }),
    };
  }

  startOf(document: Uint8Array): number {
    const { epochBlocks } = this.#deps;
    const { height, isListed } = this.#deps.read(document);
    // Where a contract has them there are no votes.
    if (!isListed) return height;
    return Math.max(0, height - (height % epochBlocks) - BEFORE_EPOCH);
  }

  take(step: ValidatorStep, left: object | null | undefined): object {
    const taken = takenOf(step, this.#deps.curve);
    const { height, stated, ballot } = taken;
    if (stated !== null) this.#deps.pinned.check(height, stated);
    if (!(left instanceof Left)) return this.#after(taken, this.#first(taken, left === null), NOTHING_BELOW);
    const fitting = this.#fitting(taken, left);
    const beginsAnew = this.#epochOf(height) > this.#epochOf(left.height);
    const next = this.#after(taken, beginsAnew ? renewed(fitting) : fitting, left.recent);
    return ballot === null && areSame(next.tallies, left.tallies) ? left : next;
  }

  #after(taken: Taken, tallies: readonly Tally[], recent: readonly BlockMaker[]): Left {
    const counted = this.#counted(this.#made(tallies, taken, recent), taken);
    return new Left(taken.height, counted, recentAfter(taken, recent, counted));
  }

  /** @param isStart - nothing below is there; else nobody knows it here. */
  #first({ height, stated }: Taken, isStart: boolean): readonly Tally[] {
    const { pinned } = this.#deps;
    const named = pinned.at(height);
    const isWhole = this.#beginsEpoch(height);
    if (stated === null)
      return begun(isStart || pinned.startsAt(height) ? (named?.list ?? null) : null, isWhole);
    if (isStart && named !== null && !sameSet(named.list, stated))
      throw changed(
        height,
        `has the validators ${textOf(stated)}, and the blocks since ${named.from}, from which on \`validators\` of these rules names others, are not here: name those from ${height} on`,
      );
    return begun(stated, isWhole);
  }

  /** The ways of counting in which a block has the right validators. @throws SyncError `VALIDATORS_CHANGED` */
  #fitting({ height, stated }: Taken, { tallies }: Left): readonly Tally[] {
    const { pinned, countsVotes, epochBlocks } = this.#deps;
    const wanted = pinned.startsAt(height) ? (pinned.at(height)?.list ?? stated) : stated;
    if (wanted === null) return tallies;
    const fitting = tallies.filter(({ validators }) => validators !== null && sameSet(validators, wanted));
    if (fitting.length > 0) return fitting;
    const isKnown = tallies.some(({ validators }) => validators !== null);
    if (pinned.startsAt(height) || !isKnown) return begun(wanted, this.#beginsEpoch(height));
    if (countsVotes) throw unprovedChange(height, tallies[0] as Tally, wanted, epochBlocks);
    throw changed(
      height,
      `has the validators ${textOf(wanted)}, which \`validators\` of these rules doesn't name`,
    );
  }

  /** The ways of counting in which a block of Clique is by somebody whose turn it is. @throws SyncError `SIGNATURE_INVALID` */
  #made(
    tallies: readonly Tally[],
    { height, ballot }: Taken,
    recent: readonly BlockMaker[],
  ): readonly Tally[] {
    if (ballot?.turn === undefined) return tallies;
    const turn = { height, maker: ballot.maker, difficulty: ballot.turn };
    const faults = tallies.map(({ validators }) =>
      validators === null ? null : turnFault(turn, validators, recent),
    );
    const [fault = null] = faults;
    const right = tallies.filter((_, at) => faults[at] === null);
    if (right.length === 0 && fault !== null) throw invalid(height, fault);
    return right;
  }

  #counted(tallies: readonly Tally[], { height, ballot }: Taken): readonly Tally[] {
    if (ballot?.about === undefined || ballot.adds === undefined || !this.#deps.countsVotes) return tallies;
    const vote = { by: ballot.maker.address, about: ballot.about, adds: ballot.adds };
    return countedIn(tallies, vote, this.#beginsEpoch(height));
  }

  #epochOf(height: number): number {
    return Math.floor(height / this.#deps.epochBlocks);
  }

  #beginsEpoch(height: number): boolean {
    return height % this.#deps.epochBlocks === 0;
  }
}

function takenOf({ height, validators, ballot: text }: ValidatorStep, curve: Curve): Taken {
  const ballot = readBallot(text);
  return {
    height,
    stated: validators?.split(',') ?? null,
    ballot: ballot === null ? null : { ...ballot, maker: new BlockMaker(ballot, curve) },
  };
}

function recentAfter(
  { ballot }: Taken,
  recent: readonly BlockMaker[],
  tallies: readonly Tally[],
): readonly BlockMaker[] {
  if (ballot?.turn === undefined) return [];
  const counts = tallies.map(({ validators }) => keptBlocks(validators?.length ?? null));
  return [...recent, ballot.maker].slice(-Math.max(...counts));
}

function areSame(some: readonly Tally[], others: readonly Tally[]): boolean {
  return some.length === others.length && some.every((one, at) => one === others[at]);
}
