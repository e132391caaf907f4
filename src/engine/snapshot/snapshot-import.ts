import type {
  BlockRef,
  CodecWorkers,
  Frame,
  SnapshotItem,
  SnapshotManifest,
  Storage,
  StorageStage,
} from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import type { StorageEncoding } from '../../chain/storage-encoding.js';
import type { Verifier } from '../../chain/verifier.js';

/** What an import works with. */
export interface ImportDeps {
  readonly storage: Storage;
  /** Blocks that the snapshot has to have where it has blocks at their heights. */
  readonly known: readonly BlockRef[];
  readonly manifest: SnapshotManifest;
  /** A verifier that begins at the manifest's base and leaves documents as they are. */
  readonly verifier: Verifier;
  /** Encodes verified documents for the store. */
  readonly workers: CodecWorkers;
  readonly encoding: StorageEncoding;
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
  const stage = await storage.stage();
  const blocks = new BlockImport(deps, stage, signal);
  try {
    let ended = false;
    for await (const item of deps.items) {
      if (item.kind === 'state') await stage.putState(item.table, item.entries);
      else if (item.kind === 'blocks') await blocks.add(verified(deps, item.documents), item.owned);
      else {
        await deps.checkSignature(item);
        ended = true;
      }
    }
    await blocks.finish();
    throwIfAborted(signal);
    if (!ended) throw corrupt(`it ended before its end`);
    checkHead(manifest, verifier.appendPoint.head);
    const { chain, chainId, height, blockHash } = manifest;
    await stage.activate({ identity: { chain, chainId }, head: { height, hash: blockHash } });
  } finally {
    await stage.close();
  }
}

/** Encodes blocks on several threads and puts them into the stage in their order. */
class BlockImport {
  readonly #deps: ImportDeps;
  readonly #stage: StorageStage;
  readonly #signal: AbortSignal;
  /** Batches that are being encoded, oldest first. */
  readonly #encoding: Promise<readonly Frame[]>[] = [];

  constructor(deps: ImportDeps, stage: StorageStage, signal: AbortSignal) {
    this.#deps = deps;
    this.#stage = stage;
    this.#signal = signal;
  }

  async add(frames: readonly Frame[], owned: boolean): Promise<void> {
    if (frames.length === 0) return;
    const encoding = this.#encode(frames, owned);
    // A batch that fails is told of when its turn comes.
    encoding.catch(() => undefined);
    this.#encoding.push(encoding);
    if (this.#encoding.length > this.#deps.workers.threads) await this.#put();
  }

  async finish(): Promise<void> {
    while (this.#encoding.length > 0) await this.#put();
  }

  async #encode(frames: readonly Frame[], owned: boolean): Promise<readonly Frame[]> {
    const { workers, encoding } = this.#deps;
    const { codec } = encoding;
    const isRaw = ({ documentBytes }: Frame): boolean => encoding.keepsRaw(documentBytes);
    const documents = frames.filter((frame) => !isRaw(frame)).map(({ bytes }) => bytes);
    // The memory of a batch is given away as a whole, or not at all.
    const given = owned && documents.length === frames.length;
    const encoded = [...(await workers.encode(codec, documents, { signal: this.#signal, owned: given }))];
    return frames.map((frame) =>
      isRaw(frame) ? frame : { ...frame, codec, bytes: encoded.shift() ?? frame.bytes },
    );
  }

  async #put(): Promise<void> {
    const frames = (await this.#encoding.shift()) ?? [];
    const last = frames.at(-1);
    if (last === undefined) return;
    await this.#stage.putBlocks(frames);
    const bytes = frames.reduce((sum, { documentBytes }) => sum + documentBytes, 0);
    this.#deps.onBlocks(frames.length, bytes, last.header.height);
  }
}

function verified(
  { verifier, known }: Pick<ImportDeps, 'verifier' | 'known'>,
  documents: readonly Uint8Array[],
): readonly Frame[] {
  return documents.map((document) => {
    const frame = verifier.document(document);
    checkAgainst(known, frame.header);
    return frame;
  });
}

/** A snapshot of another branch than the one this node holds is refused, not taken in its place. */
function checkAgainst(known: readonly BlockRef[], { height, hash }: BlockRef): void {
  for (const ours of known) {
    if (ours.height !== height || ours.hash === hash) continue;
    const message = `The snapshot has ${hash} at height ${height}, where this node holds ${ours.hash}.`;
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
