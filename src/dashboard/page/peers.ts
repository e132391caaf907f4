import type { DashboardDocument, ShownPeer } from '../document.js';
import { codeLink, make, setText, byId, Slot } from './dom.js';
import { bytesText, counted, duration, grouped } from './format.js';

const STATES: Readonly<Record<ShownPeer['state'], string>> = {
  active: 'in use',
  ready: 'ready',
  waiting: 'left alone',
  dropped: 'dropped',
};
const COLUMNS = ['Peer', 'State', 'Head', 'Behind', 'Rate', 'Answers in'] as const;

/** Draws the table of peers. Its roles are written out: on a phone its rows are no rows of a table to the browser. */
export class Peers {
  readonly #slot = new Slot('peers');
  readonly #count = byId('peers-count');

  draw({ peers, phase }: DashboardDocument): void {
    const dropped = peers.filter(({ state }) => state === 'dropped').length;
    setText(this.#count, countText(peers.length, dropped));
    this.#slot.fill(JSON.stringify([phase === 'serving', peers.map(coarse)]), () => {
      if (peers.length === 0) return [none(phase === 'serving')];
      return [
        make('div', { role: 'table', 'aria-labelledby': 'peers-title' }, [headRow(), ...peers.map(peerRow)]),
      ];
    });
  }
}

function countText(all: number, dropped: number): string {
  if (all === 0) return '';
  return dropped === 0 ? `· ${all}` : `· ${all}, ${dropped} dropped`;
}

function none(isServing: boolean): HTMLElement {
  const text = isServing ? 'This node follows nobody: its blocks are added here.' : 'No peer is known.';
  return make('p', { class: 'none' }, [text]);
}

function headRow(): HTMLElement {
  const cells = COLUMNS.map((name, index) =>
    make('span', { role: 'columnheader', class: index > 1 ? 'number' : '' }, [name]),
  );
  return make('div', { role: 'row', class: 'peer head-row' }, cells);
}

/** What is shown of a peer, as far as it is shown: a rate that moved a little is no reason to draw anew. */
function coarse(peer: ShownPeer): readonly string[] {
  return [
    peer.url,
    peer.state,
    ...figures(peer),
    stateText(peer),
    peer.why?.code ?? '',
    peer.why?.message ?? '',
  ];
}

function figures({ head, lag, bytesPerSecond, latencyMs }: ShownPeer): readonly string[] {
  return [
    head === null ? '–' : grouped(head),
    lag === null ? '–' : grouped(lag),
    bytesPerSecond === null ? '–' : `${bytesText(bytesPerSecond)}/s`,
    latencyMs === null ? '–' : duration(Math.max(1, latencyMs)),
  ];
}

function stateText({ state, bannedForMs }: ShownPeer): string {
  // In steps, so that the table stands still.
  const seconds = Math.ceil(bannedForMs / 5000) * 5;
  return state === 'waiting' && seconds > 5 ? `for ${duration(seconds * 1000)}` : '';
}

function peerRow(peer: ShownPeer): HTMLElement {
  const { url, state, why, failures } = peer;
  const rest = stateText(peer);
  const cells = [
    make('span', { role: 'rowheader', class: 'url' }, [url]),
    make('span', { role: 'cell', class: `state ${state}` }, [STATES[state]]),
    ...figures(peer).map((text, index) =>
      make('span', { role: 'cell', class: 'number', 'data-label': COLUMNS[index + 2] ?? '' }, [text]),
    ),
  ];
  if (why !== null) {
    const lead = state === 'dropped' ? 'Dropped: ' : 'Failed last: ';
    const tail = [
      rest === '' ? '' : ` Not asked ${rest}.`,
      failures > 1 ? ` ${counted(failures, 'failure')} in a row.` : '',
    ];
    cells.push(
      make('span', { role: 'cell', class: 'why' }, [lead, codeLink(why.code), ` ${why.message}`, ...tail]),
    );
  }
  return make('div', { role: 'row', class: 'peer' }, cells);
}
