import type { DashboardDocument, ShownFork } from '../document.js';
import { make, Slot } from './dom.js';
import { clock, counted, grouped, shortHash } from './format.js';

/** Draws the timeline of branches. */
export class Forks {
  readonly #slot = new Slot('forks');

  draw({ forks }: DashboardDocument): void {
    this.#slot.fill(JSON.stringify(forks), () =>
      forks.length === 0
        ? [make('p', { class: 'none' }, ['No block was dropped since this page’s node was started.'])]
        : [make('ol', { class: 'forks' }, forks.map(entry))],
    );
  }
}

function entry(fork: ShownFork): HTMLElement {
  const at = new Date(fork.at);
  const refs = [fork.ours, fork.theirs].filter((ref) => ref !== null);
  const words = ['ours', 'theirs'];
  const details = refs.map((ref, index) =>
    make('span', { class: 'detail' }, [
      `${fork.kind === 'rollback' ? 'dropped head' : (words[index] ?? '')} ${grouped(ref.height)} `,
      make('span', { class: 'hash' }, [shortHash(ref.hash)]),
    ]),
  );
  const peer = fork.peer === null ? [] : [make('span', { class: 'detail' }, [fork.peer])];
  return make('li', { class: `is-${fork.kind}` }, [
    make('time', { datetime: at.toISOString() }, [clock(fork.at)]),
    make('span', {}, [forkText(fork)]),
    ...details,
    ...peer,
  ]);
}

/** What happened, in a sentence. */
export function forkText({ kind, height, dropped }: ShownFork): string {
  const place = height === null ? '' : grouped(height);
  if (kind === 'rollback') return `Went back ${counted(dropped, 'block')}, to ${place}`;
  if (kind === 'held') return 'A shorter branch of a peer is held off';
  if (kind === 'equivocation') return `A producer signed two blocks at ${place}`;
  return height === null ? 'A peer is on another branch' : `A peer is on another branch from ${place} on`;
}
