import { SyncError } from '../../../src/errors/index.js';
import { type Tally, votesFor } from './tally.js';

/** Validators from a height on, as a configuration names them. */
export interface ValidatorsFrom {
  /** First height at which they may make blocks. */
  readonly from: number;
  /** Their addresses: `0x` and 40 hex digits. */
  readonly list: readonly string[];
}

/** Validators that a configuration names, by height. */
export class PinnedValidators {
  readonly #entries: readonly ValidatorsFrom[];

  /** @param entries - lowest height first. */
  constructor(entries: readonly ValidatorsFrom[]) {
    this.#entries = entries.map(({ from, list }) => ({ from, list: sorted(list) }));
  }

  get areNone(): boolean {
    return this.#entries.length === 0;
  }

  /** Those that hold at a height; `null` when none do. */
  at(height: number): ValidatorsFrom | null {
    return this.#entries.findLast(({ from }) => from <= height) ?? null;
  }

  /** Whether a height is one from which validators are named. */
  startsAt(height: number): boolean {
    return this.#entries.some(({ from }) => from === height);
  }

  /** @throws SyncError `VALIDATORS_CHANGED` when a block at a height that is named has others */
  check(height: number, list: readonly string[]): void {
    if (!this.startsAt(height)) return;
    const pinned = this.at(height)?.list ?? [];
    if (textOf(pinned) !== textOf(list))
      throw changed(
        height,
        `has the validators ${textOf(list)}; \`validators\` of these rules names ${textOf(pinned)}`,
      );
  }
}

/** Addresses in one spelling and order. */
export function sorted(addresses: readonly string[]): readonly string[] {
  return addresses.map((address) => address.toLowerCase()).toSorted();
}

/** A set as text, the same for the same set. */
export function textOf(addresses: readonly string[]): string {
  return sorted(addresses).join();
}

export function changed(height: number, why: string): SyncError {
  const message = `Block ${height} ${why}.`;
  return new SyncError('VALIDATORS_CHANGED', message, { height });
}

/** Whether two lists name the same. @param ascending - both are. */
export function sameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((address, at) => address === others[at]);
}

/** The error for validators that the votes below don't lead to. */
export function unprovedChange(
  height: number,
  tally: Tally,
  now: readonly string[],
  epochBlocks: number,
): SyncError {
  const before = tally.validators ?? [];
  const added = now.filter((address) => !before.includes(address));
  const removed = before.filter((address) => !now.includes(address));
  const [one = ''] = [...added, ...removed];
  const votes = `${votesFor(tally, one)} of ${before.length} validators have voted for that since the epoch began (a block whose number is divisible by ${epochBlocks}, by \`epochBlocks\` of these rules), and more than half have to`;
  const what =
    added.length + removed.length === 1
      ? `${one} ${added.length === 1 ? 'was added' : 'is missing'}; ${votes}`
      : `${added.length} were added and ${removed.length} removed, where a vote changes one`;
  return changed(
    height,
    `has other validators than the votes below lead to: ${what}. If the change is right, name the new ones in \`validators\` of these rules, from height ${height} on`,
  );
}
