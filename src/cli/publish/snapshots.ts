import { createHash } from 'node:crypto';
import {
  type ArchivedSnapshot,
  manifestJson,
  type SnapshotArchive,
} from '../../../plugins/transport-snapshot/server/index.js';
import { isOnChain } from '../../../plugins/transport-snapshot/server/archive.js';
import type { Chain } from '../../chain/chain.js';
import type { BlockRef, SnapshotPart, SnapshotSummary } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import { bodyPathOf, type BodyFile, filesOf, manifestPathOf } from '../../internal/snapshot-files.js';
import type { PublishTarget } from './target.js';

/** Generations of each type and codec that are kept, as on a server: a download survives a newer snapshot. */
const KEPT_GENERATIONS = 2;

/** A snapshot as a status names it. */
export type PublishedSnapshot = SnapshotSummary & Required<Pick<SnapshotSummary, 'codec' | 'manifest'>>;

/** What is published of snapshots. */
export interface SnapshotsOrder {
  readonly archive: SnapshotArchive;
  readonly chain: Pick<Chain, 'chain' | 'chainId' | 'header'>;
  /** The newest block that is published: snapshots of later ones may be taken back yet. `null` while none is. */
  readonly head: BlockRef | null;
  readonly signal: AbortSignal;
}

/** A snapshot that is not published before its last block is settled. */
export type WaitingSnapshot = Pick<PublishedSnapshot, 'type' | 'id' | 'height' | 'hash' | 'codec'>;

/** What was written of snapshots. */
export interface WrittenSnapshots {
  /** The newest of each type and codec. */
  readonly snapshots: readonly PublishedSnapshot[];
  /** Newer ones of each type and codec. */
  readonly waiting: readonly WaitingSnapshot[];
  /** Keys that they are signed with. */
  readonly signers: readonly string[];
  readonly newFiles: number;
  readonly newBytes: number;
}

/**
 * Writes the newest settled snapshot of each type and codec: the files of its body, then its manifest.
 *
 * @throws SyncError `SNAPSHOT_CORRUPT` for one whose body is not that of its manifest; what the target throws, `ABORTED`
 */
export async function writeSnapshots(
  target: PublishTarget,
  order: SnapshotsOrder,
): Promise<WrittenSnapshots> {
  const { settled, waiting } = await newestOfEach(order);
  let done: WrittenSnapshots = { snapshots: [], waiting, signers: [], newFiles: 0, newBytes: 0 };
  for (const snapshot of settled) {
    const written = await writeBody(target, snapshot, order);
    if (written === null) continue;
    const { id, type, codec, height, blockHash: hash, signatures } = snapshot.manifest;
    const manifest = manifestPathOf(id);
    const text = Buffer.from(manifestJson(snapshot.manifest));
    const isNew = !(await target.isSame(manifest, text));
    if (isNew) await target.put(manifest, text);
    done = {
      waiting,
      snapshots: [...done.snapshots, { type, id, height, hash, codec, manifest }],
      signers: [...new Set([...done.signers, ...signatures.map(({ signer }) => signer)])],
      newFiles: done.newFiles + written.newFiles + (isNew ? 1 : 0),
      newBytes: done.newBytes + written.newBytes + (isNew ? text.length : 0),
    };
  }
  return done;
}

interface NewestOfEach {
  readonly settled: readonly ArchivedSnapshot[];
  readonly waiting: readonly WaitingSnapshot[];
}

async function newestOfEach({ archive, chain, head }: SnapshotsOrder): Promise<NewestOfEach> {
  const chainId = chain.chainId();
  if (chainId === null) return { settled: [], waiting: [] };
  await archive.refresh();
  const all = archive.list({ chain: chain.chain, chainId });
  const top = head?.height ?? -1;
  const [settled, waiting] = await Promise.all([
    newest(
      all.filter(({ manifest }) => manifest.height <= top),
      chain,
    ),
    newest(
      all.filter(({ manifest }) => manifest.height > top),
      chain,
    ),
  ]);
  // With the signatures that they have now.
  const found = await Promise.all(settled.map(({ manifest: { id } }) => archive.find(id)));
  return {
    settled: found.filter((each) => each !== null),
    waiting: waiting.map(({ manifest: { type, id, height, blockHash: hash, codec } }) => ({
      ...{ type, id, height, hash, codec },
    })),
  };
}

/** Of each type and codec the first that is on the chain. */
async function newest(
  all: readonly ArchivedSnapshot[],
  chain: SnapshotsOrder['chain'],
): Promise<readonly ArchivedSnapshot[]> {
  const found = new Map<string, ArchivedSnapshot>();
  for (const snapshot of all) {
    const { type, codec } = snapshot.manifest;
    const kind = `${type} ${codec}`;
    if (!found.has(kind) && (await isOnChain(chain, snapshot.manifest))) found.set(kind, snapshot);
  }
  return [...found.values()];
}

type Written = Pick<WrittenSnapshots, 'newFiles' | 'newBytes'>;

/** @returns `null` for one that was removed from the archive meanwhile */
async function writeBody(
  target: PublishTarget,
  { manifest }: ArchivedSnapshot,
  { archive, signal }: SnapshotsOrder,
): Promise<Written | null> {
  let done: Written = { newFiles: 0, newBytes: 0 };
  for (const file of filesOf(manifest.parts)) {
    throwIfAborted(signal);
    const path = bodyPathOf(manifest.id, file.number);
    if ((await target.size(path)) === file.bytes) continue;
    const bytes = await readFile(archive, manifest.id, file, signal);
    if (bytes === null) return null;
    await target.put(path, bytes);
    done = { newFiles: done.newFiles + 1, newBytes: done.newBytes + bytes.length };
  }
  return done;
}

async function readFile(
  archive: SnapshotArchive,
  id: string,
  { offset, bytes, parts }: BodyFile<SnapshotPart>,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const reader = await archive.read(id);
  if (reader === null) return null;
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.bytes({ start: offset, end: offset + bytes }, signal)) chunks.push(chunk);
  throwIfAborted(signal);
  const file = Buffer.concat(chunks);
  for (const part of parts) {
    const own = file.subarray(part.offset - offset, part.offset - offset + part.length);
    if (createHash('sha256').update(own).digest('hex') === part.sha256) continue;
    const message = `The snapshot ${id} is not published: its part at ${part.offset} has not the hash that the manifest gives.`;
    throw new SyncError('SNAPSHOT_CORRUPT', message);
  }
  return file;
}

/** What a status names: the snapshots of this run, and those before them that are kept. */
export function keptSnapshots(
  now: readonly PublishedSnapshot[],
  before: readonly PublishedSnapshot[],
): readonly PublishedSnapshot[] {
  const ids = new Set(now.map(({ id }) => id));
  const all = [...now, ...before.filter(({ id }) => !ids.has(id))];
  const seen = new Map<string, number>();
  return all
    .toSorted((a, b) => b.height - a.height)
    .filter(({ type, codec }) => {
      const count = (seen.get(`${type} ${codec}`) ?? 0) + 1;
      seen.set(`${type} ${codec}`, count);
      return count <= KEPT_GENERATIONS;
    });
}
