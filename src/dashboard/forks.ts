import type {
  DisagreementEvent,
  EquivocationEvent,
  RollbackEvent,
  RollbackHeldEvent,
} from '../engine/events/events.js';
import type { ShownFork } from './document.js';
import { shownRef, shownUrl } from './shown.js';

const KEPT = 30;

/** Events that are about branches. */
export type ForkEvent = RollbackEvent | RollbackHeldEvent | EquivocationEvent | DisagreementEvent;

/** What happened to the branch that this node is on, newest first. */
export class Forks {
  #kept: readonly ShownFork[] = [];

  get shown(): readonly ShownFork[] {
    return this.#kept;
  }

  /** Takes an event. */
  note(event: ForkEvent, at: number): void {
    const fork = shownFork(event, at);
    if (fork !== null) this.add(this.#joined(fork));
  }

  /** A branch that was held off and is taken now is one entry, which says whose it is. */
  #joined(fork: ShownFork): ShownFork {
    const [last = null] = this.#kept;
    const isSame = last?.kind === 'held' && fork.kind === 'rollback' && last.ours?.hash === fork.ours?.hash;
    if (!isSame) return fork;
    this.#kept = this.#kept.slice(1);
    return { ...fork, peer: last.peer };
  }

  add(fork: ShownFork): void {
    this.#kept = [fork, ...this.#kept].slice(0, KEPT);
  }
}

function shownFork(event: ForkEvent, at: number): ShownFork | null {
  if (event.type === 'rollback') {
    const [newest = null] = event.dropped;
    const { height } = event.to;
    return {
      ...{ at, kind: 'rollback', height, dropped: event.dropped.length },
      ...{ ours: shownRef(newest), theirs: null, peer: null },
    };
  }
  if (event.type === 'rollback-held') {
    const { ours, theirs, peer } = event;
    return {
      ...{ at, kind: 'held', height: null, dropped: 0 },
      ...{ ours: shownRef(ours), theirs: shownRef(theirs), peer: shownUrl(peer) },
    };
  }
  return event.type === 'equivocation' ? equivocation(event, at) : disagreement(event, at);
}

function equivocation({ height, hashes, peer }: EquivocationEvent, at: number): ShownFork {
  const [ours, theirs] = hashes.map((hash) => shownRef({ height, hash }));
  return {
    ...{ at, kind: 'equivocation', height, dropped: 0 },
    ...{ ours: ours ?? null, theirs: theirs ?? null, peer: shownUrl(peer) },
  };
}

/** `null` when all agree again. */
function disagreement({ ours, others }: DisagreementEvent, at: number): ShownFork | null {
  const [other = null] = others;
  if (other === null) return null;
  return {
    ...{ at, kind: 'disagreement', height: other.common?.height ?? null, dropped: 0 },
    ...{ ours: shownRef(ours), theirs: shownRef(other.block), peer: shownUrl(other.peer) },
  };
}
