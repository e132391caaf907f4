import type {
  BlockRef,
  Checkpoint,
  Frame,
  SnapshotItem,
  SnapshotManifest,
  Storage,
  StorageStage,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { throwIfAborted } from '../internal/abort.js';
import type { Verifier } from './verifier.js';

/** What an import works with. */
export interface ImportDeps {
  readonly storage: Storage;
  readonly manifest: SnapshotManifest;
  /** A verifier that begins at the manifest's base. */
  readonly verifier: Verifier;
  /** The snapshot's contents; see {@link SnapshotTransport.open}. */
  readonly items: AsyncIterable<SnapshotItem>;
  /** Checks the document's own signature. @throws SyncError `SNAPSHOT_CORRUPT` */
  checkSignature(end: { readonly signer: string; readonly signature: string }): Promise<void>;
  /** Runs after blocks were staged. */
  onBlocks(blocks: number, bytes: number, height: number): void;
}

/**
 * Writes a snapshot beside the store's contents while it comes in, checks every block of it, and switches over in one
 * step once everything agrees.
 *
 * @throws SyncError; the store is then as it was before.
 */
export async function importSnapshot(deps: ImportDeps, signal: AbortSignal): Promise<void> {
  const { manifest, storage, verifier } = deps;
  const held = storage.checkpoint();
  const stage = await storage.stage();
  try {
    let ended = false;
    for await (const item of deps.items) {
      if (item.kind === 'state') await stage.putState(item.table, item.entries);
      else if (item.kind === 'blocks') await putBlocks(deps, stage, item.documents, held);
      else {
        await deps.checkSignature(item);
        ended = true;
      }
    }
    throwIfAborted(signal);
    if (!ended) throw corrupt(`it ended before its end`);
    checkHead(manifest, verifier.place.head);
    const { chain, chainId, height, blockHash } = manifest;
    await stage.activate({ identity: { chain, chainId }, head: { height, hash: blockHash } });
  } finally {
    await stage.close();
  }
}

async function putBlocks(
  deps: ImportDeps,
  stage: StorageStage,
  documents: readonly Uint8Array[],
  held: Checkpoint,
): Promise<void> {
  const frames: Frame[] = [];
  let bytes = 0;
  for (const document of documents) {
    const frame = deps.verifier.document(document);
    checkAgainst(held, frame.header);
    frames.push(frame);
    bytes += frame.documentBytes;
  }
  const last = frames.at(-1);
  if (last === undefined) return;
  await stage.putBlocks(frames);
  deps.onBlocks(frames.length, bytes, last.header.height);
}

/** A snapshot of another branch than the one this node holds is refused, not taken in its place. */
function checkAgainst({ head, finalized }: Checkpoint, { height, hash }: BlockRef): void {
  for (const known of [head, finalized]) {
    if (known === null || known.height !== height || known.hash === hash) continue;
    const message = `The snapshot has ${hash} at height ${height}, where this node holds ${known.hash}.`;
    throw new SyncError('FORKED', message, { height });
  }
}

function checkHead({ height, blockHash }: SnapshotManifest, head: BlockRef | null): void {
  if (head?.height === height && head.hash === blockHash) return;
  const found = head === null ? 'no block' : `block ${head.height} ${head.hash}`;
  throw corrupt(`its newest is ${found}, its manifest says block ${height} ${blockHash}`);
}

function corrupt(why: string): SyncError {
  return new SyncError('SNAPSHOT_CORRUPT', `The snapshot does not agree with itself: ${why}.`);
}
