import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { bodyName } from '../../../../plugins/transport-snapshot/server/files.js';
import type { SnapshotManifest } from '../../../contracts/index.js';
import { SyncError } from '../../../errors/index.js';
import { SNAPSHOT_CODECS, suffixOf } from '../../../internal/codecs.js';
import { readManifestFile } from './files.js';

const MANIFEST = 'manifest.json';

/** A snapshot on disk, as far as it is there. */
export interface SnapshotFiles {
  readonly manifest: SnapshotManifest | null;
  /** Path of the body; `null` when only the manifest is there. */
  readonly body: string | null;
  /** Codec of the body: the manifest's, or what the name says. */
  readonly codec: string;
}

/**
 * Finds what a path stands for: the directory of a snapshot, its manifest, or its body, beside which the manifest may be.
 *
 * @throws SyncError `INPUT_UNREADABLE`, `SNAPSHOT_CORRUPT`
 */
export async function findSnapshot(path: string, signal: AbortSignal): Promise<SnapshotFiles> {
  const kind = await stat(path).catch((cause: unknown) => {
    throw new SyncError('INPUT_UNREADABLE', `There is nothing to read at ${path}.`, { cause });
  });
  if (kind.isDirectory()) return withManifest(join(path, MANIFEST), signal);
  if (path.endsWith('.json') && basename(path) !== bodyName('identity')) return withManifest(path, signal);
  const beside = (await readdir(dirname(path))).includes(MANIFEST);
  const manifest = beside ? await readManifestFile(join(dirname(path), MANIFEST), signal) : null;
  return { manifest, body: path, codec: codecOf(manifest, path) };
}

async function withManifest(path: string, signal: AbortSignal): Promise<SnapshotFiles> {
  const manifest = await readManifestFile(path, signal);
  const { codec } = manifest;
  const name = bodyName(codec);
  const isThere = (await readdir(dirname(path))).includes(name);
  return { manifest, body: isThere ? join(dirname(path), name) : null, codec };
}

function codecOf(manifest: SnapshotManifest | null, path: string): string {
  if (manifest !== null) return manifest.codec;
  const codec = SNAPSHOT_CODECS.find((each) => path.endsWith(`.${suffixOf(each)}`));
  if (codec !== undefined) return codec;
  throw new SyncError('INPUT_UNREADABLE', `The name ${basename(path)} doesn't say how the body is encoded.`);
}

/** The encoded parts of a body, in order. @throws SyncError `SNAPSHOT_CORRUPT` when the file has another size */
export async function* readParts(
  path: string,
  { parts, size }: SnapshotManifest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path);
  try {
    const found = await file.stat();
    if (found.size !== size) {
      const message = `The body has ${found.size} bytes, the manifest says ${size}.`;
      throw new SyncError('SNAPSHOT_CORRUPT', message);
    }
    for (const { offset, length } of parts) {
      const bytes = new Uint8Array(length);
      await file.read(bytes, 0, length, offset);
      yield bytes;
    }
  } finally {
    await file.close();
  }
}
