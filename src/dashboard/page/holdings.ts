import type { DashboardDocument, ShownImport } from '../document.js';
import { make, Slot } from './dom.js';
import { bytesText, grouped, share, shortHash } from './format.js';

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly more: string;
}

/** Draws what the node took and hands on in large pieces. */
export class Holdings {
  readonly #slot = new Slot('holdings');

  draw(document: DashboardDocument): void {
    const facts = factsOf(document);
    this.#slot.fill(JSON.stringify(facts), () => facts.map(row));
  }
}

function row({ name, value, more }: Fact): HTMLElement {
  const small = more === '' ? [] : [make('small', {}, [more])];
  return make('div', {}, [make('dt', {}, [name]), make('dd', {}, [value, ...small])]);
}

function factsOf({ server, snapshot, assumed, watchers }: DashboardDocument): readonly Fact[] {
  const taken = snapshot === null ? [] : [importFact(snapshot)];
  const earlier =
    snapshot === null && assumed !== null
      ? [{ name: 'Snapshot taken', value: `up to ${grouped(assumed.height)}`, more: 'In an earlier run.' }]
      : [];
  const pages = { name: 'Pages like this one', value: grouped(watchers), more: '' };
  return [...taken, ...earlier, ...served(server), pages];
}

function importFact(snapshot: ShownImport): Fact {
  const { status, type, height, verifiedBytes, totalBytes, signed, trusted } = snapshot;
  const signers = trusted === 0 ? 'Its hash was pinned.' : `Signed by ${signed} of ${trusted} trusted keys.`;
  const name = status === 'imported' ? 'Snapshot taken' : 'Taking a snapshot';
  // The bytes that are here were checked, and what they say is assumed.
  const far =
    status === 'imported'
      ? ''
      : ` · ${bytesText(verifiedBytes)} of ${bytesText(totalBytes)}, ${share(verifiedBytes, totalBytes)}`;
  return { name, value: `${type}, up to ${grouped(height)}${far}`, more: signers };
}

function served(server: DashboardDocument['server']): readonly Fact[] {
  if (server === null)
    return [
      { name: 'Serves', value: 'nobody', more: 'This node has no server, or the page was not told of it.' },
    ];
  const { openStreams, maxStreams, tiles, snapshots, signers } = server;
  const tilesText = tiles === null ? 'none' : `blocks ${grouped(tiles.from)} to ${grouped(tiles.to)}`;
  const keys = signers.length === 0 ? '' : `Signed by ${signers.map(shortHash).join(', ')}.`;
  const offered = snapshots.map(({ type, height }) => `${type}, up to ${grouped(height)}`).join('; ');
  return [
    { name: 'Streams served', value: grouped(openStreams), more: `Up to ${grouped(maxStreams)}.` },
    { name: 'Tiles served', value: tilesText, more: '' },
    { name: 'Snapshots served', value: offered === '' ? 'none' : offered, more: offered === '' ? '' : keys },
  ];
}
