import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotManifest } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { asObject, isHash, isHeight } from '../../../src/internal/http/shape.js';
import { parseManifest } from '../manifest.js';
import type { DocumentRecord } from './build.js';
import { bodyName, DOCUMENT_FILE, MANIFEST_FILE } from './files.js';

/** A snapshot in an archive. */
export interface ArchivedSnapshot {
  readonly manifest: SnapshotManifest;
  /** The signature in the document. */
  readonly document: DocumentRecord;
  /** Path of the encoded body. */
  readonly bodyPath: string;
  /** Path of the manifest; signatures may be added to the file at any time. */
  readonly manifestPath: string;
}

/** Largest manifest that is read: a million parts. */
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;
const MAX_DOCUMENT_BYTES = 64 * 1024;

/** The files of a snapshot. */
export function archived(
  directory: string,
  parts: Pick<ArchivedSnapshot, 'manifest' | 'document'>,
): ArchivedSnapshot {
  const place = join(directory, parts.manifest.id);
  return {
    ...parts,
    bodyPath: join(place, bodyName(parts.manifest.codec)),
    manifestPath: join(place, MANIFEST_FILE),
  };
}

/**
 * Reads a snapshot back from its directory and checks that its parts go together. The body is not read, its length is.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT`
 */
export async function readArchived(directory: string, id: string): Promise<ArchivedSnapshot> {
  const manifest = await readManifest(join(directory, id, MANIFEST_FILE), id);
  const document = await readDocument(join(directory, id, DOCUMENT_FILE));
  const snapshot = archived(directory, { manifest, document });
  const { size } = await stat(snapshot.bodyPath);
  if (size === manifest.size) return snapshot;
  throw corrupt(`${snapshot.bodyPath} has ${size} bytes, its manifest says ${manifest.size}`);
}

/** @throws SyncError `SNAPSHOT_CORRUPT` */
export async function readManifest(path: string, id: string): Promise<SnapshotManifest> {
  const manifest = parseManifest(await readJson(path, MAX_MANIFEST_BYTES));
  if (manifest.id === id) return manifest;
  throw corrupt(`${path} is the manifest of ${manifest.id}`);
}

async function readDocument(path: string): Promise<DocumentRecord> {
  const { sequence, signer, signature } = asObject(await readJson(path, MAX_DOCUMENT_BYTES)) ?? {};
  if (isHeight(sequence) && isHash(signer) && isHash(signature)) return { sequence, signer, signature };
  throw corrupt(`${path} does not hold the signature of a document`);
}

async function readJson(path: string, maxBytes: number): Promise<unknown> {
  const { size } = await stat(path);
  if (size > maxBytes) throw corrupt(`${path} has ${size} bytes; the limit is ${maxBytes}`);
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyncError('SNAPSHOT_CORRUPT', `${path} is not JSON.`, { cause });
  }
}

function corrupt(what: string): SyncError {
  return new SyncError('SNAPSHOT_CORRUPT', `A snapshot can't be used: ${what}.`);
}
