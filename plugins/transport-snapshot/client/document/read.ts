import type { SnapshotItem, SnapshotManifest } from '../../../../src/contracts/index.js';
import { corrupt } from './corrupt.js';
import { arrayElements } from './elements.js';
import { readHead, requireHead, type DocumentHead } from './head.js';
import { Input } from './input.js';
import { readState } from './state.js';
import { readTail } from './tail.js';

/** Options of {@link readDocument}. */
export interface ReadDocumentOptions {
  /** What the document has to agree with; `null` when there is none, and the document can only agree with itself. */
  readonly manifest: SnapshotManifest | null;
  /** Largest block, in bytes. */
  readonly maxBlockBytes: number;
  /** Largest document, in bytes. */
  readonly maxDocumentBytes: number;
  /** Called with what the document says of itself, once that was read. */
  onHead?(head: DocumentHead): void;
  /** Called with the document's hash, once it was found to be right. */
  onHash?(hash: string): void;
}

/**
 * Reads a snapshot document (protocol section 2.4) as it comes: checks its form to the byte, its order, its counts and its
 * hash, and cuts out what it holds. Blocks are cut out unchecked: that is for the rules of their chain.
 *
 * Items have about 1 MiB, or one element that is larger. What they hold are views of larger buffers: whoever keeps one
 * for long, or sends it to another thread, copies it. Memory is bounded by one chunk, one item and one element.
 *
 * @param chunks - the decoded document, in pieces of any size.
 * @throws SyncError `SNAPSHOT_CORRUPT`, and what `chunks` throws
 */
export async function* readDocument(
  chunks: AsyncIterable<Uint8Array>,
  options: ReadDocumentOptions,
): AsyncGenerator<SnapshotItem, void, undefined> {
  const source = chunks[Symbol.asyncIterator]();
  try {
    yield* read(new Input(source, options.maxDocumentBytes), options);
  } finally {
    await source.return?.();
  }
}

async function* read(input: Input, options: ReadDocumentOptions): AsyncGenerator<SnapshotItem> {
  const { manifest, maxBlockBytes } = options;
  const head = await readHead(input);
  if (manifest !== null) requireHead(head, manifest);
  options.onHead?.(head);
  yield* readState(input, 'accounts');
  await input.take(',"contracts":[', 'behind accounts');
  yield* readState(input, 'contracts');
  await input.take(',"blocks":[', 'behind contracts');
  yield* readBlocks(input, head, maxBlockBytes);
  const hash = input.endHash();
  const { hash: stated, signer, signature } = await readTail(input);
  requireHash(hash, stated, manifest);
  requireSize(input.received, manifest);
  options.onHash?.(hash);
  yield { kind: 'end', signer, signature };
}

async function* readBlocks(
  input: Input,
  { height, base }: DocumentHead,
  maxBlockBytes: number,
): AsyncGenerator<SnapshotItem> {
  const due = height - base + 1;
  const limits = { name: 'blocks', maxElementBytes: maxBlockBytes, maxElements: due };
  let count = 0;
  for await (const { elements: documents, owned } of arrayElements(input, limits)) {
    count += documents.length;
    yield { kind: 'blocks', documents, owned };
  }
  if (count < due) throw corrupt(`it has ${count} blocks where ${due} were due, ${base} to ${height}`);
}

function requireHash(hash: string, stated: string, manifest: SnapshotManifest | null): void {
  if (stated !== hash) throw corrupt(`its bytes have the hash ${hash}, it states ${stated}`);
  if (manifest === null || manifest.hash === hash) return;
  throw corrupt(`its hash is ${hash}, the manifest says ${manifest.hash}`);
}

function requireSize(received: number, manifest: SnapshotManifest | null): void {
  if (manifest === null || manifest.rawSize === received) return;
  throw corrupt(`it has ${received} bytes, the manifest says ${manifest.rawSize}`);
}
