import { LIES, type LieKind } from './kinds.js';
import type { Outcome } from './schedule.js';
import { mayEndElsewhere } from './terms.js';

/** What came of many schedules. */
export class Tally {
  readonly #startMs = performance.now();
  readonly #cpuBefore = process.cpuUsage();
  readonly #outcomes: Outcome[] = [];

  add(outcome: Outcome): void {
    this.#outcomes.push(outcome);
  }

  get failed(): number {
    return this.#count(({ failures }) => failures.length > 0);
  }

  get virtualMs(): number {
    return this.#sum(({ virtualMs }) => virtualMs);
  }

  get faults(): number {
    return this.#sum((outcome) => outcome.faults);
  }

  get blocks(): number {
    return this.#sum(({ blocks }) => blocks);
  }

  /** How many liars of a kind there were, and how often they have lied. */
  lie(kind: LieKind): { readonly liars: number; readonly told: number } {
    const all = this.#outcomes.flatMap(({ liars }) => liars).filter((liar) => liar.kind === kind);
    return { liars: all.length, told: all.reduce((sum, { told }) => sum + told, 0) };
  }

  /** For people. @param seed - the first one */
  text(seed: number): string {
    const count = this.#outcomes.length;
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    const seconds = (performance.now() - this.#startMs) / 1000;
    return `${count} schedules from seed ${seed} in ${seconds.toFixed(1)} s, ${((user + system) / 1000 / count).toFixed(1)} ms of processor time each:
  ${(this.virtualMs / 3_600_000).toFixed(1)} virtual hours
  ${this.faults} faults
  ${this.blocks} blocks taken
  ${this.#sum(({ rollbacks }) => rollbacks)} rollbacks of the source, ${this.#sum(({ followed }) => followed)} told of
  ${this.#sum(({ cuts }) => cuts)} cuts
  ${this.#sum(({ restarts }) => restarts)} restarts of the client
  ${this.#sum(({ crashes }) => crashes)} crashes of the client, ${this.#sum(({ tileCrashes }) => tileCrashes)} of them while it wrote or made tiles
  ${this.#sum(({ tiledBlocks }) => tiledBlocks)} blocks in tiles of clients at the end, in ${this.#count(({ tiledBlocks }) => tiledBlocks > 0)} schedules
  ${this.#sum(({ deepRollbacks }) => deepRollbacks)} rollbacks of the source into tiles
  ${this.#sum(({ liars }) => liars.length)} liars, in ${this.#count(({ liars }) => liars.length > 0)} schedules: ${this.#placesText()}
  ${this.#count(({ terms }) => terms.pin !== null)} with a pin, ${this.#count(({ terms }) => terms.agree > 1)} with agree above 1, ${this.#count(({ terms }) => terms.producers)} with producers, ${this.#count(({ terms }) => terms.tiled)} with tiles
  ${this.#count(({ truncated }) => truncated)} sources that ended shorter
  ${this.#count(({ ending }) => ending === 'source')} clients ended on the source's head
${this.#elsewhereText()}
  ${this.failed} failures
lies: liars, times told
${this.#liesText()}`;
  }

  /** Those that did not end on the source's head, by what they were told to hold against liars. */
  #elsewhereText(): string {
    const onLiars = this.#outcomes.filter(({ ending }) => ending === 'liar');
    const short = this.#outcomes.filter(({ ending }) => ending === 'short');
    const alone = onLiars.filter(({ terms }) => terms.anchor === null).length;
    const asTheyMay = onLiars.filter(({ terms }) => terms.anchor !== null && mayEndElsewhere(terms)).length;
    const shortAlone = short.filter(({ terms }) => terms.anchor === null).length;
    return `  ${asTheyMay} ended on a liar's valid branch, as enough lie and nothing forbids it
  ${alone} ended on the blocks of a liar that is their only peer
  ${onLiars.length - alone - asTheyMay} ended on a liar's branch though they were to hold against it
  ${shortAlone} ended below the source's head with a liar as their only peer
  ${short.length - shortAlone} ended below the source's head with an honest peer`;
  }

  #placesText(): string {
    return (['first', 'last', 'alone', 'mixed'] as const)
      .map((place) => {
        const count = this.#count(({ liars, terms }) => liars.length > 0 && terms.place === place);
        return `${count} ${place}`;
      })
      .join(', ');
  }

  #liesText(): string {
    return LIES.map((kind) => {
      const { liars, told } = this.lie(kind);
      return `  ${kind.padEnd(17)} ${String(liars).padStart(6)} ${String(told).padStart(8)}`;
    }).join('\n');
  }

  #sum(value: (outcome: Outcome) => number): number {
    return this.#outcomes.reduce((total, outcome) => total + value(outcome), 0);
  }

  #count(holds: (outcome: Outcome) => boolean): number {
    return this.#outcomes.filter(holds).length;
  }
}
