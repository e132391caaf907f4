import { type Vote, Votes } from './votes.js';

/** Votes as one of the clients counts them. */
export interface Tally {
  /**
   * Besu counts votes for what is so already, which with more than half of all take back those against it, and none in the
   * first block of an epoch. Geth, from which GoQuorum comes, is the other way in both.
   */
  readonly client: 'besu' | 'geth';
  /** Those who may make the next block, ascending; `null` where that isn't known. */
  readonly validators: readonly string[] | null;
  /** The newest of each voter about each address. */
  readonly votes: Votes;
  /** Whether all votes since the epoch began are known. */
  readonly isWhole: boolean;
}

/** More than there are ways to count what is known; beyond that who may make blocks counts as unknown. */
const MAX_TALLIES = 16;

/** A count that begins. */
export function begun(validators: readonly string[] | null, isWhole: boolean): readonly Tally[] {
  return (['besu', 'geth'] as const).map((client) => ({ client, validators, votes: Votes.NONE, isWhole }));
}

/** Drops the votes, as when an epoch begins. What was counted in several ways may be the same from then on. */
export function renewed(tallies: readonly Tally[]): readonly Tally[] {
  const anew = tallies.map((tally) =>
    tally.votes.areNone && tally.isWhole ? tally : { ...tally, votes: Votes.NONE, isWhole: true },
  );
  return differentOf(anew);
}

/** Counts a vote in each of several ways to count. */
export function countedIn(tallies: readonly Tally[], vote: Vote, beginsEpoch: boolean): readonly Tally[] {
  const all = tallies.flatMap((tally) =>
    beginsEpoch && tally.client === 'besu' ? [tally] : counted(tally, vote),
  );
  // Only here are all votes compared: with every block it would make an epoch cost the square of its length.
  const different = all.length > MAX_TALLIES ? differentOf(all) : all;
  return different.length > MAX_TALLIES ? begun(null, false) : different;
}

/** How many have voted to change whether an address is a validator. */
export function votesFor(tally: Tally, about: string): number {
  const isOne = tally.validators?.includes(about) ?? false;
  return tally.votes.about(about).filter(({ adds }) => adds !== isOne).length;
}

/** @returns more than one where earlier votes aren't known, which may have made it pass. */
function counted(tally: Tally, vote: Vote): readonly Tally[] {
  const { validators, client, isWhole } = tally;
  const { by, about, adds } = vote;
  if (validators?.includes(by) !== true) return [tally];
  const isOne = validators.includes(about);
  const votes = isOne === adds && client === 'geth' ? tally.votes.without(vote) : tally.votes.with(vote);
  const now = { ...tally, votes };
  if (votesFor(now, about) * 2 > validators.length) return [changed(now, about)];
  const against = votes.about(about).filter((each) => each.adds === isOne);
  const left = against.length * 2 > validators.length ? { ...now, votes: votes.withoutAbout(about) } : now;
  return isWhole || isOne === adds ? [left] : [left, changed(now, about)];
}

function changed(tally: Tally, about: string): Tally {
  const validators = tally.validators ?? [];
  const votes = tally.votes.withoutAbout(about);
  if (validators.includes(about)) {
    const rest = validators.filter((address) => address !== about);
    return { ...tally, validators: rest, votes: votes.withoutVoter(about) };
  }
  return { ...tally, validators: [...validators, about].toSorted(), votes };
}

function differentOf(tallies: readonly Tally[]): readonly Tally[] {
  const different: Tally[] = [];
  for (const tally of tallies) if (!different.some((other) => areSame(tally, other))) different.push(tally);
  return different;
}

function areSame(one: Tally, other: Tally): boolean {
  if (one.client !== other.client || one.isWhole !== other.isWhole) return false;
  return one.validators?.join() === other.validators?.join() && one.votes.equals(other.votes);
}
