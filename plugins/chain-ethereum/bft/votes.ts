import { AddressMap } from './address-map.js';

/** What one of those who make blocks wants. */
export interface Vote {
  readonly by: string;
  readonly about: string;
  /** Whether it shall become one of them, or cease to be one. */
  readonly adds: boolean;
}

type Table = AddressMap<AddressMap<Vote>>;

/**
 * Votes, the newest of each voter about each address. They are never changed: what comes of one vote more shares the others
 * with what was before, since what each of many blocks has left is kept.
 */
export class Votes {
  static readonly NONE = new Votes(AddressMap.empty(), AddressMap.empty());
  /** By address that they are about, then by voter. */
  readonly byTarget: Table;
  /** By voter, then by address that they are about. */
  readonly byVoter: Table;

  private constructor(about: Table, by: Table) {
    this.byTarget = about;
    this.byVoter = by;
  }

  get areNone(): boolean {
    return this.byTarget.isEmpty;
  }

  with(vote: Vote): Votes {
    const { by, about } = vote;
    return new Votes(added(this.byTarget, about, by, vote), added(this.byVoter, by, about, vote));
  }

  /** Drops what a voter wants of an address. */
  without({ by, about }: Pick<Vote, 'by' | 'about'>): Votes {
    const table = dropped(this.byTarget, about, by);
    return table === this.byTarget ? this : new Votes(table, dropped(this.byVoter, by, about));
  }

  withoutAbout(about: string): Votes {
    const table = this.about(about).reduce((rest, { by }) => dropped(rest, by, about), this.byVoter);
    return new Votes(this.byTarget.without(about), table);
  }

  withoutVoter(by: string): Votes {
    const table = votesIn(this.byVoter, by).reduce(
      (rest, { about }) => dropped(rest, about, by),
      this.byTarget,
    );
    return new Votes(table, this.byVoter.without(by));
  }

  /** Those about an address. */
  about(address: string): readonly Vote[] {
    return votesIn(this.byTarget, address);
  }

  /** Whether others are the same, whatever the order that they came in. */
  equals(others: Votes): boolean {
    return this === others || (this.#isWithin(others) && others.#isWithin(this));
  }

  #isWithin(others: Votes): boolean {
    const all = this.byTarget.values().flatMap((voters) => voters.values());
    return all.every(({ by, about, adds }) => others.byTarget.get(about)?.get(by)?.adds === adds);
  }
}

function votesIn(table: Table, key: string): readonly Vote[] {
  return table.get(key)?.values() ?? [];
}

function added(table: Table, key: string, other: string, vote: Vote): Table {
  return table.with(key, (table.get(key) ?? AddressMap.empty<Vote>()).with(other, vote));
}

function dropped(table: Table, key: string, other: string): Table {
  const votes = table.get(key);
  const rest = votes?.without(other);
  if (votes === null || rest === undefined || rest === votes) return table;
  return rest.isEmpty ? table.without(key) : table.with(key, rest);
}
