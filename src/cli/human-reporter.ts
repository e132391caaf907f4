import type {
  EquivocationEvent,
  PeerEvent,
  ProgressEvent,
  RollbackEvent,
  RollbackHeldEvent,
  SnapshotEvent,
} from '../index.js';
import type { BuildEvent, CliEvent, InputProgressEvent } from './events.js';
import { type Failure, failureLines } from './exit.js';
import { ProgressBar } from './progress-bar.js';
import type { Outcome, Reporter, ReporterStreams } from './reporter.js';
import { print } from './terminal.js';
import { bytesText, countText, durationText, grouped } from './units.js';
import { inFlags } from './words.js';

const ROLES = {
  writer: 'This process writes the store.',
  reader: 'Another process writes the store; this one stands by.',
};

/** Plain words, and a progress bar where standard error is a terminal. */
export class HumanReporter implements Reporter {
  readonly #streams: ReporterStreams;
  readonly #bar: ProgressBar;

  constructor(streams: ReporterStreams) {
    this.#streams = streams;
    this.#bar = new ProgressBar(streams.errors);
  }

  emit(event: CliEvent): void {
    if (event.type === 'progress') this.#bar.update(barOf(event));
    else if (event.type === 'build') this.#bar.update(buildBarOf(event));
    else if (event.type === 'snapshot') this.#snapshot(event);
    else if (event.type === 'listening')
      this.#say(`Serving at ${event.url}/sync; Ctrl-C stops.`, this.#streams.messages);
    else if (event.type === 'step') this.#step(event.text);
    else if (event.type === 'role') this.#step(ROLES[event.role]);
    else {
      const text = noteOf(event);
      const stream = event.type === 'warning' ? this.#streams.errors : this.#streams.messages;
      if (text !== null) this.#say(inFlags(text), stream);
    }
  }

  fail(failure: Failure): void {
    this.#bar.stop();
    print(this.#streams.errors, failureLines(failure));
  }

  done({ summary }: Outcome): void {
    this.#bar.stop();
    if (summary !== null) print(this.#streams.messages, summary);
  }

  #snapshot(event: SnapshotEvent): void {
    if (event.status === 'progress') {
      this.#bar.update(snapshotBarOf(event));
      return;
    }
    // What was told of its progress last may have been a quarter of a second ago.
    if (event.status === 'imported') this.#bar.update(snapshotBarOf(event));
    this.#say(snapshotText(event), this.#streams.messages);
  }

  #step(text: string): void {
    this.#bar.stop();
    print(this.#streams.messages, text);
  }

  #say(text: string, stream: NodeJS.WriteStream): void {
    this.#bar.clearLine();
    print(stream, text);
  }
}

function barOf(event: ProgressEvent | InputProgressEvent): Parameters<ProgressBar['update']>[0] {
  const speed = [
    `${grouped(Math.round(event.blocksPerSecond))} blocks/s`,
    `${bytesText(event.bytesPerSecond)}/s`,
  ];
  const height = event.height === null ? 'no block yet' : `block ${event.height}`;
  if ('inputTotalBytes' in event) {
    return { value: event.inputBytes, total: event.inputTotalBytes, parts: [height, ...speed] };
  }
  const total = event.head === null ? null : event.head + 1;
  const value = (event.height ?? -1) + 1;
  return { value, total, parts: [height, ...speed, `${durationText(event.etaMs)} left`] };
}

/** Fetching and importing go on side by side; the slower one says how far it is. */
function snapshotBarOf(event: SnapshotEvent): Parameters<ProgressBar['update']>[0] {
  const { verifiedBytes, totalBytes, importedBlocks, totalBlocks } = event;
  const share = Math.min(verifiedBytes / totalBytes, importedBlocks / totalBlocks);
  const parts = [
    `${grouped(importedBlocks)} of ${countText(totalBlocks, 'block')}`,
    `${bytesText(verifiedBytes)} of ${bytesText(totalBytes)} fetched and verified`,
  ];
  return { value: share, total: 1, parts };
}

function buildBarOf(event: BuildEvent): Parameters<ProgressBar['update']>[0] {
  const { blocks, totalBlocks, rawBytes, bytes } = event;
  const parts = [
    `${grouped(blocks)} of ${countText(totalBlocks, 'block')}`,
    `${bytesText(rawBytes)} in ${bytesText(bytes)}`,
  ];
  return { value: blocks, total: totalBlocks, parts };
}

function snapshotText(event: SnapshotEvent): string {
  const what = `the ${event.snapshotType} snapshot of blocks ${event.base} to ${event.height}`;
  if (event.status === 'imported') return `Imported ${what}.`;
  const begun = event.status === 'resumed' ? 'Going on with' : 'Taking';
  const signers = event.signers.length === 0 ? 'its hash is pinned' : `signed by ${event.signers.join(', ')}`;
  const kept = event.keptBytes > 0 ? `, ${bytesText(event.keptBytes)} of it are here already` : '';
  return `${begun} ${what}, ${bytesText(event.totalBytes)}, ${signers}${kept}.`;
}

/** What is worth a line to a person; `null` for the rest. */
function noteOf(event: CliEvent): string | null {
  switch (event.type) {
    case 'warning':
      return warningText(event);
    case 'retry':
      return `${event.peer}: ${event.error.code}: ${event.error.message} Trying again in ${durationText(event.delayMs)}.`;
    case 'built':
      return `Made snapshot ${event.id}, ${bytesText(event.size)}, in ${durationText(event.elapsedMs)}.`;
    case 'published':
      return `Published up to block ${event.height} in ${event.place}; ${countText(event.newFiles, 'file')} (${bytesText(event.newBytes)}) new.`;
    case 'mode':
      return `Mode ${event.mode}: ${event.reason}`;
    case 'peer':
      return peerText(event);
    case 'rollback':
      return rollbackText(event);
    case 'rollback-held':
      return heldText(event);
    case 'equivocation':
      return equivocationText(event);
    default:
      return null;
  }
}

function warningText(event: Extract<CliEvent, { readonly type: 'warning' }>): string {
  const height = 'height' in event && event.height !== null ? ` (block ${event.height})` : '';
  return `Warning: ${event.code}: ${event.message}${height}`;
}

function rollbackText({ to, dropped }: RollbackEvent): string {
  const { height = to.height } = dropped[0] ?? {};
  return `Rolled back from block ${height} to block ${to.height}; ${countText(dropped.length, 'block')} undone.`;
}

function heldText({ peer, ours, theirs }: RollbackHeldEvent): string {
  return `${peer} is at block ${theirs.height} on another branch; ours, up to block ${ours.height}, is kept.`;
}

function equivocationText({ producer, height, hashes: [ours, theirs], kept }: EquivocationEvent): string {
  const proof = kept ? '`blockferry evidence` has the proof.' : 'There was no room to keep the proof.';
  return `The producer ${producer} has signed two blocks at height ${height}: ${ours} and ${theirs}. ${proof}`;
}

function peerText({ status, peer, error }: PeerEvent): string | null {
  return status === 'dropped' ? `${peer} is not asked again: ${error?.message ?? ''}` : null;
}
