/** What one of those who make blocks wants. */
export interface Vote {
  readonly by: string;
  readonly about: string;
  /** Whether it shall become one of them, or cease to be one. */
  readonly adds: boolean;
}

/** Votes as one of the clients counts them. */
export interface Tally {
  /**
   * Besu counts votes for what is so already, which with more than half of all take back those against it, and none in the
   * first block of an epoch. Geth, from which GoQuorum comes, is the other way in both.
   */
  readonly client: 'besu' | 'geth';
  /** Those who may make the next block, ascending; `null` where that isn't known. */
  readonly validators: readonly string[] | null;
  /** The newest of each voter about each address, oldest first. */
  readonly votes: readonly Vote[];
  /** Whether all votes since the epoch began are known. */
  readonly isWhole: boolean;
}

/** More than there are ways to count what is known; beyond that who may make blocks counts as unknown. */
const MAX_TALLIES = 16;

/** A count that begins. */
export function begun(validators: readonly string[] | null, isWhole: boolean): readonly Tally[] {
  return (['besu', 'geth'] as const).map((client) => ({ client, validators, votes: [], isWhole }));
}

/** Drops the votes, as when an epoch begins. */
export function renewed(tally: Tally): Tally {
  return tally.votes.length === 0 && tally.isWhole ? tally : { ...tally, votes: [], isWhole: true };
}

/** Counts a vote in each of several ways to count. */
export function countedIn(tallies: readonly Tally[], vote: Vote, beginsEpoch: boolean): readonly Tally[] {
  const all = tallies.flatMap((tally) =>
    beginsEpoch && tally.client === 'besu' ? [tally] : counted(tally, vote),
  );
  const different = [...new Map(all.map((tally) => [JSON.stringify(tally), tally])).values()];
  return different.length > MAX_TALLIES ? begun(null, false) : different;
}

/** How many have voted to change whether an address is a validator. */
export function votesFor(tally: Tally, about: string): number {
  const isOne = tally.validators?.includes(about) ?? false;
  return tally.votes.filter((vote) => vote.about === about && vote.adds !== isOne).length;
}

/** @returns more than one where earlier votes aren't known, which may have made it pass. */
function counted(tally: Tally, vote: Vote): readonly Tally[] {
  const { validators, client, isWhole } = tally;
  const { by, about, adds } = vote;
  if (validators?.includes(by) !== true) return [tally];
  const isOne = validators.includes(about);
  const others = tally.votes.filter((each) => each.by !== by || each.about !== about);
  const votes = isOne === adds && client === 'geth' ? others : [...others, vote];
  const now = { ...tally, votes };
  if (votesFor(now, about) * 2 > validators.length) return [changed(now, about)];
  const against = votes.filter((each) => each.about === about && each.adds === isOne);
  const left = against.length * 2 > validators.length ? { ...now, votes: without(votes, about) } : now;
  return isWhole || isOne === adds ? [left] : [left, changed(now, about)];
}

function changed(tally: Tally, about: string): Tally {
  const validators = tally.validators ?? [];
  const votes = without(tally.votes, about);
  if (validators.includes(about)) {
    const rest = validators.filter((address) => address !== about);
    return { ...tally, validators: rest, votes: votes.filter(({ by }) => by !== about) };
  }
  return { ...tally, validators: [...validators, about].toSorted(), votes };
}

function without(votes: readonly Vote[], about: string): readonly Vote[] {
  return votes.filter((vote) => vote.about !== about);
}
