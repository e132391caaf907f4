import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type DocumentHead, readDocument } from '../../../../plugins/transport-snapshot/client/index.js';
import { bzip2 } from '../../../../plugins/codec-bzip2/index.js';
import type { CodecWorkers, SnapshotItem, SnapshotManifest } from '../../../contracts/index.js';
import { codecRegistry } from '../../../di/codec-registry.js';
import { PluginResolver } from '../../../di/resolve.js';
import { ChainTally } from '../../../chain/chain-tally.js';
import { Pins } from '../../../chain/pins.js';
import { VOUCHED } from '../../../chain/producers.js';
import { StorageEncoding } from '../../../chain/storage-encoding.js';
import { Verifier } from '../../../chain/verifier.js';
import { SyncError } from '../../../errors/index.js';
import { readParts, type SnapshotFiles } from './source.js';

/** What was found in a document. */
export interface CheckedDocument {
  readonly head: DocumentHead;
  /** SHA-256 of the document, lower-case hex. */
  readonly hash: string;
  readonly end: { readonly signer: string; readonly signature: string };
  /** Hash of the newest block. */
  readonly blockHash: string;
}

/** How a document is read. */
export interface ReadOptions {
  readonly workers: CodecWorkers;
  readonly maxBlockBytes: number;
  /** Where the rules of the chain come from, and which they have to be; `null` for those that the document names. */
  readonly rules: { readonly resolver: PluginResolver; readonly wanted: string | null };
  readonly signal: AbortSignal;
  /** Runs after blocks were checked. */
  readonly onBlocks: (blocks: number, bytes: number, height: number) => void;
}

/**
 * Reads a snapshot's body and checks all of it: parts, form, hash, and every block by the rules of its chain. Whose word it
 * rests on is not looked at.
 *
 * @throws SyncError of the first thing that is wrong
 */
export async function checkContents(
  { manifest, body, codec }: SnapshotFiles & { readonly body: string },
  options: ReadOptions,
): Promise<CheckedDocument> {
  const found: { head: DocumentHead | null; hash: string } = { head: null, hash: '' };
  const chunks =
    manifest === null
      ? wholeBody(body, codec, options.signal)
      : decodedParts(body, manifest, options.workers, options.signal);
  const items = readDocument(chunks, {
    manifest,
    maxBlockBytes: options.maxBlockBytes,
    maxDocumentBytes: manifest?.rawSize ?? Number.MAX_SAFE_INTEGER,
    onHead: (head) => {
      found.head = head;
    },
    onHash: (hash) => {
      found.hash = hash;
    },
  });
  const checked = await checkItems(items, () => found.head, options);
  const { head, hash } = found;
  if (head === null || checked.end === null)
    throw new SyncError('SNAPSHOT_CORRUPT', 'The document has no end.');
  if (manifest !== null && checked.blockHash !== manifest.blockHash) {
    const message = `The newest block is ${checked.blockHash}, the manifest says ${manifest.blockHash}.`;
    throw new SyncError('SNAPSHOT_CORRUPT', message, { height: head.height });
  }
  return { head, hash, end: checked.end, blockHash: checked.blockHash };
}

async function checkItems(
  items: AsyncIterable<SnapshotItem>,
  headOf: () => DocumentHead | null,
  options: ReadOptions,
): Promise<{ readonly blockHash: string; readonly end: CheckedDocument['end'] | null }> {
  let verifier: Verifier | null = null;
  let end: CheckedDocument['end'] | null = null;
  for await (const item of items) {
    options.signal.throwIfAborted();
    const head = headOf();
    if (item.kind === 'end') end = item;
    if (item.kind !== 'blocks' || head === null) continue;
    verifier ??= await verifierOf(head, options);
    checkBlocks(verifier, item.documents, options);
  }
  return { blockHash: hashOf(verifier), end };
}

function checkBlocks(verifier: Verifier, documents: readonly Uint8Array[], { onBlocks }: ReadOptions): void {
  let bytes = 0;
  for (const document of documents) bytes += verifier.document(document).documentBytes;
  const { head } = verifier.appendPoint;
  if (head !== null) onBlocks(documents.length, bytes, head.height);
}

function hashOf(verifier: Verifier | null): string {
  return verifier?.appendPoint.head?.hash ?? '';
}

async function verifierOf(
  { chain, chainId, base }: DocumentHead,
  { maxBlockBytes, rules: { resolver, wanted } }: ReadOptions,
): Promise<Verifier> {
  if (wanted !== null && wanted !== chain)
    throw new SyncError('CHAIN_MISMATCH', `The snapshot is of the rules ${chain}, not of ${wanted}.`);
  const codecs = codecRegistry([await resolver.codec('identity')]);
  const deps = {
    rules: await resolver.rules(chain),
    codecs,
    encoding: StorageEncoding.raw,
    pins: Pins.none,
    producers: null,
    signedFrom: VOUCHED,
    name: { chainId, isPinned: false },
    maxBlockBytes,
    tiles: null,
    tally: new ChainTally(),
  };
  return new Verifier(deps, { head: null, base });
}

/** Each part is compared with its hash before it is decoded. */
async function* decodedParts(
  path: string,
  manifest: SnapshotManifest,
  workers: CodecWorkers,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let index = 0;
  for await (const bytes of readParts(path, manifest)) {
    const part = manifest.parts[index++];
    if (part === undefined) return;
    if (createHash('sha256').update(bytes).digest('hex') !== part.sha256) {
      const message = `The part at ${part.offset} doesn't have the hash that the manifest gives it.`;
      throw new SyncError('SNAPSHOT_CORRUPT', message);
    }
    yield await workers.decode(manifest.codec, bytes, { maxOutputBytes: part.rawLength }, { signal });
  }
}

/** Without a manifest the body is one stream, whatever its parts are. */
async function* wholeBody(
  path: string,
  codec: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const plugin = codec === 'bzip2' ? bzip2({ multiStream: true }) : await new PluginResolver([]).codec(codec);
  const limits = { maxOutputBytes: Number.MAX_SAFE_INTEGER, signal };
  yield* plugin.create().decodeStream(createReadStream(path, { signal }), limits);
}
