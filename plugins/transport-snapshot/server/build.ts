import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  BlockSource,
  CodecWorkers,
  Signer,
  SnapshotManifest,
  SnapshotSignature,
  StorageView,
} from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { raceAbort, throwIfAborted } from '../../../src/internal/abort.js';
import { objectWith, readOptions, type SpecOf, type ValuesOf } from '../../../src/internal/options/index.js';
import { SNAPSHOT_TYPE } from '../../../src/internal/snapshot-types.js';
import { PRIVATE_FILE } from '../../../src/internal/private-mode.js';
import { documentMessage, manifestMessage } from '../../../src/internal/snapshot-messages.js';
import { parseManifest, partsRoot } from '../manifest.js';
import { BodyWriter } from './body-writer.js';
import { documentEnd, documentPieces, type DocumentHead } from './document.js';
import { bodyName, DOCUMENT_FILE, MANIFEST_FILE, syncFile } from './files.js';
import { manifestJson } from './manifest-json.js';
import { CODEC_NAME, SNAPSHOT_OPTIONS, type SnapshotBuildProgress, type SnapshotKind } from './options.js';
import { packInOrder, type Packing } from './pack-in-order.js';
import { groupRuns } from './runs.js';

/** What a snapshot is made of. */
export interface SnapshotOrder extends SnapshotKind {
  readonly source: Pick<BlockSource, 'chain' | 'chainId' | 'header' | 'view'>;
  readonly workers: CodecWorkers;
  readonly signer: Signer;
  /**
   * Blocks in a snapshot of type `recent`, at least 1.
   *
   * @defaultValue 10,000
   */
  readonly recentBlocks?: number | undefined;
  /**
   * Bytes of the document in one part, 1,000 to 900,000.
   *
   * @defaultValue 899,981, which is one block of libbz2
   */
  readonly maxPartBytes?: number | undefined;
}

/** Readers of an order. */
export const ORDER_OPTIONS = {
  source: objectWith<SnapshotOrder['source']>('a chain', ['chainId', 'header']),
  workers: objectWith<CodecWorkers>('codec work on threads', ['pack']),
  signer: SNAPSHOT_OPTIONS.signer,
  type: SNAPSHOT_TYPE,
  codec: CODEC_NAME,
  recentBlocks: SNAPSHOT_OPTIONS.recentBlocks,
  maxPartBytes: SNAPSHOT_OPTIONS.maxPartBytes,
} satisfies SpecOf<SnapshotOrder>;

/** An order, checked and with nothing left out. */
export type CompleteOrder = ValuesOf<typeof ORDER_OPTIONS>;

/** Reads an order. @throws TypeError */
export function completeOrder(owner: string, order: SnapshotOrder): CompleteOrder {
  return readOptions(owner, order, ORDER_OPTIONS);
}

/** How a build is watched and called off. */
export interface SnapshotBuildOptions {
  readonly signal?: AbortSignal | undefined;
  /** Runs when a part of the document was written. */
  readonly onProgress?: ((progress: SnapshotBuildProgress) => void) | undefined;
}

/** The signature in a document, with the place that the snapshot has in its archive. */
export interface DocumentRecord extends SnapshotSignature {
  /** Counts the snapshots of an archive: neither clocks nor heights tell which one is newer. */
  readonly sequence: number;
}

/** A snapshot that was written. */
export interface BuiltSnapshot {
  readonly manifest: SnapshotManifest;
  readonly document: DocumentRecord;
}

/**
 * Makes a snapshot of the moment in which it is called, in an empty directory; the chain goes on meanwhile. What is held
 * in memory does not depend on the snapshot's size. All files are on the disk when it resolves.
 *
 * @throws TypeError for an order that isn't complete, or has a member out of bounds
 * @throws SyncError `SNAPSHOT_UNAVAILABLE`, `STORE_*`, `CODEC_*`, `ABORTED`
 */
export async function buildSnapshot(
  order: SnapshotOrder,
  place: { readonly directory: string; readonly sequence: number },
  options: SnapshotBuildOptions = {},
): Promise<BuiltSnapshot> {
  return writeSnapshot(completeOrder('buildSnapshot', order), place, options);
}

/** Makes a snapshot of an order that is checked. */
export async function writeSnapshot(
  order: CompleteOrder,
  place: Parameters<typeof buildSnapshot>[1],
  options: SnapshotBuildOptions,
): Promise<BuiltSnapshot> {
  const { signal = new AbortController().signal, onProgress = () => undefined } = options;
  throwIfAborted(signal);
  const view = await order.source.view?.();
  if (view === undefined) throw unavailable('The source has no view to make a snapshot from.');
  try {
    const job = {
      order,
      view,
      head: headOf(order, view),
      maxPartBytes: order.maxPartBytes,
      signal,
      onProgress,
    };
    return await write(job, place);
  } finally {
    await view.close();
  }
}

interface Job extends Pick<Packing, 'maxPartBytes' | 'signal'> {
  readonly order: CompleteOrder;
  readonly view: StorageView;
  readonly head: DocumentHead;
  readonly onProgress: (progress: SnapshotBuildProgress) => void;
}

function headOf({ source, type, recentBlocks }: CompleteOrder, view: StorageView): DocumentHead {
  const { head, base, confirmed } = view.checkpoint;
  const chainId = source.chainId();
  if (head === null || chainId === null) throw unavailable('The chain is empty.');
  // A snapshot is signed, and its state is that of the head.
  if (confirmed?.hash !== head.hash)
    throw unavailable('The newest block is not confirmed by as many peers as the node asks for.');
  if (!/^[\x20-\x7e]{1,256}$/.test(chainId))
    throw unavailable('The id of the chain is not printable ASCII, which a signed snapshot needs.');
  return {
    head: { height: head.height, hash: head.hash },
    base: type === 'full' ? base : Math.max(base, head.height - recentBlocks + 1),
    chainId,
    chain: source.chain,
    type,
    timestamp: Date.now(),
  };
}

async function write(
  job: Job,
  { directory, sequence }: { readonly directory: string; readonly sequence: number },
): Promise<BuiltSnapshot> {
  const file = await open(join(directory, bodyName(job.order.codec)), 'wx', PRIVATE_FILE);
  try {
    const built = await writeBody(job, new BodyWriter(file), sequence);
    await file.sync();
    const made = { flag: 'wx', mode: PRIVATE_FILE };
    await writeFile(join(directory, MANIFEST_FILE), manifestJson(built.manifest), made);
    await writeFile(join(directory, DOCUMENT_FILE), JSON.stringify(built.document), made);
    for (const name of [MANIFEST_FILE, DOCUMENT_FILE, '.']) await syncFile(join(directory, name));
    return built;
  } finally {
    await file.close();
  }
}

async function writeBody(job: Job, writer: BodyWriter, sequence: number): Promise<BuiltSnapshot> {
  const { order, head, maxPartBytes, signal } = job;
  const { signer, workers, codec } = order;
  await writeContents(job, writer);
  const hash = writer.hash();
  const sign = async (message: string): Promise<SnapshotSignature> => ({
    signer: signer.publicKey,
    signature: await raceAbort(signer.sign(message), signal),
  });
  const { height } = head.head;
  const document = await sign(documentMessage({ ...head, height, hash }));
  const { chunks } = documentEnd(hash, document);
  await writer.add(await workers.pack({ codec, chunks, maxPartBytes }, { signal }));
  const unsigned = manifestOf(head, codec, hash, writer);
  const manifest = { ...unsigned, signatures: [await sign(manifestMessage(unsigned))] };
  return { manifest: parseManifest(manifest), document: { sequence, ...document } };
}

async function writeContents(job: Job, writer: BodyWriter): Promise<void> {
  const { order, view, head, maxPartBytes, signal, onProgress } = job;
  const { type, codec, workers } = order;
  const { height } = head.head;
  const totalBlocks = height - head.base + 1;
  const runs = groupRuns(documentPieces(view, head, signal), maxPartBytes);
  let blocks = 0;
  for await (const { run, packed } of packInOrder(runs, { workers, codec, maxPartBytes, signal })) {
    await writer.add(packed);
    blocks += run.blocks;
    onProgress({ type, codec, height, blocks, totalBlocks, rawBytes: writer.rawSize, bytes: writer.size });
  }
}

function manifestOf(
  { head, base, chainId, chain, type, timestamp }: DocumentHead,
  codec: string,
  hash: string,
  { parts, size, rawSize }: BodyWriter,
): Omit<SnapshotManifest, 'signatures'> {
  const root = partsRoot(parts);
  return {
    version: 1,
    id: `${type}-${head.height}-${root.slice(0, 32)}`,
    chainId,
    chain,
    type,
    height: head.height,
    base,
    blockHash: head.hash,
    timestamp,
    codec,
    hash,
    size,
    rawSize,
    parts,
    root,
  };
}

function unavailable(message: string): SyncError {
  return new SyncError('SNAPSHOT_UNAVAILABLE', message);
}
