import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError } from '../../../src/errors/index.js';
import { isSnapshotId } from '../../../src/internal/snapshot-files.js';
import { isMissing, namesIn, removeSnapshot } from './files.js';
import { manifestJson } from './manifest-json.js';
import type { SnapshotEvent } from './options.js';
import { SnapshotReader } from './reader.js';
import { readArchived, readManifest, type ArchivedSnapshot } from './shelved.js';

interface Entry {
  snapshot: ArchivedSnapshot;
  /** Of the manifest's file when it was last looked at. */
  stamp: string | null;
  readers: number;
  /** To be removed after the last reader. */
  doomed: boolean;
}

/** A directory's time of change tells of later changes only once it lies so far back, in milliseconds. */
const SETTLED_MS = 1_000;

/** What is known of a directory of snapshots, and who reads them. */
export class Shelf {
  readonly #directory: string;
  readonly #onEvent: (event: SnapshotEvent) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #removals = new Map<string, Promise<void>>();
  /** Names whose contents can't be used, so that each is told of once. */
  readonly #unusable = new Set<string>();
  #stamp: string | null = null;
  #scan: Promise<void> | null = null;

  constructor(directory: string, onEvent: (event: SnapshotEvent) => void) {
    this.#directory = directory;
    this.#onEvent = onEvent;
  }

  get readers(): number {
    let readers = 0;
    for (const entry of this.#entries.values()) readers += entry.readers;
    return readers;
  }

  kept(): ArchivedSnapshot[] {
    return [...this.#entries.values()].filter(({ doomed }) => !doomed).map(({ snapshot }) => snapshot);
  }

  add(snapshot: ArchivedSnapshot): ArchivedSnapshot {
    this.#entries.set(snapshot.manifest.id, { snapshot, stamp: null, readers: 0, doomed: false });
    return snapshot;
  }

  refresh(): Promise<void> {
    this.#scan ??= this.#refresh().finally(() => {
      this.#scan = null;
    });
    return this.#scan;
  }

  async find(id: string): Promise<ArchivedSnapshot | null> {
    await this.refresh();
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    await this.#refreshManifest(id, entry);
    return this.#entries.get(id) === entry ? entry.snapshot : null;
  }

  async read(id: string): Promise<SnapshotReader | null> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    entry.readers += 1;
    try {
      return new SnapshotReader(await open(entry.snapshot.bodyPath, 'r'), () => {
        this.#release(id, entry);
      });
    } catch (error) {
      this.#release(id, entry);
      if (!isMissing(error)) throw error;
      this.#forget(id, entry);
      return null;
    }
  }

  /** Removes a snapshot, at once or after its last reader. */
  remove(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.doomed = true;
    if (entry.readers > 0) return;
    this.#forget(id, entry);
    const removal = removeSnapshot(this.#directory, id).then(
      () => {
        this.#onEvent({ kind: 'removed', id });
      },
      (error: unknown) => {
        this.#onEvent({ kind: 'unusable', path: entry.snapshot.bodyPath, error });
      },
    );
    this.#removals.set(
      id,
      removal.finally(() => this.#removals.delete(id)),
    );
  }

  async settled(): Promise<void> {
    await Promise.all(this.#removals.values());
  }

  #release(id: string, entry: Entry): void {
    entry.readers -= 1;
    if (entry.doomed && entry.readers === 0 && this.#entries.get(id) === entry) this.remove(id);
  }

  #forget(id: string, entry: Entry): void {
    if (this.#entries.get(id) === entry) this.#entries.delete(id);
  }

  async #refresh(): Promise<void> {
    const stamp = await stampOf(this.#directory);
    if (stamp !== null && stamp.text === this.#stamp) return;
    const known = [...this.#entries];
    const names = new Set((await namesIn(this.#directory)).filter(isSnapshotId));
    for (const [id, entry] of known) if (!names.has(id)) this.#forget(id, entry);
    for (const name of names) if (!this.#entries.has(name)) await this.#load(name);
    this.#stamp = stamp !== null && Date.now() - stamp.changedMs > SETTLED_MS ? stamp.text : null;
  }

  async #load(name: string): Promise<void> {
    try {
      const snapshot = await readArchived(this.#directory, name);
      if (this.#entries.has(name) || this.#removals.has(name)) return;
      this.add(snapshot);
      this.#unusable.delete(name);
    } catch (error) {
      // Another process may have removed it meanwhile.
      if ((await stampOf(join(this.#directory, name))) !== null) this.#tell(name, error);
    }
  }

  #tell(name: string, error: unknown): void {
    if (this.#unusable.has(name)) return;
    this.#unusable.add(name);
    this.#onEvent({ kind: 'unusable', path: join(this.#directory, name), error });
  }

  /** Takes over signatures that were added to a manifest's file. */
  async #refreshManifest(id: string, entry: Entry): Promise<void> {
    const { snapshot } = entry;
    const path = snapshot.manifestPath;
    const stamp = await stampOf(path);
    if (stamp === null) this.#forget(id, entry);
    if (stamp === null || stamp.text === entry.stamp) return;
    entry.stamp = stamp.text;
    try {
      const manifest = await readManifest(path, id);
      if (unsigned(manifest) !== unsigned(snapshot.manifest))
        throw new SyncError('SNAPSHOT_CORRUPT', `${path} was changed in more than its signatures.`);
      entry.snapshot = { ...snapshot, manifest };
    } catch (error) {
      this.#onEvent({ kind: 'unusable', path, error });
    }
  }
}

function unsigned(manifest: ArchivedSnapshot['manifest']): string {
  return manifestJson({ ...manifest, signatures: [] });
}

/** Changes whenever a file is written or a directory's names change; `null` when there is nothing. */
async function stampOf(path: string): Promise<{ readonly text: string; readonly changedMs: number } | null> {
  try {
    const { mtimeNs, mtimeMs, size, ino } = await stat(path, { bigint: true });
    return { text: `${mtimeNs}:${size}:${ino}`, changedMs: Number(mtimeMs) };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
