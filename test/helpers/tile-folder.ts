import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { seal, SEALED_JSON_GENESIS, sealedJson } from '../../plugins/chain-sealed-json/index.js';
import type { Frame, Storage, TileEntry } from '../../src/contracts/index.js';
import { encodeTileBody } from '../../src/tiles/body.js';
import { entryLine, entryMembers } from '../../src/tiles/entry.js';
import {
  INDEX_NAME,
  PAGE_HEIGHTS,
  pagePath,
  tailFileName,
  tileNameOf,
  tilePath,
} from '../../src/tiles/name.js';
import { levelAt } from './storage-disk.js';
import { ndjson } from './sealed-chain.js';
import { tempDir } from './temp-dir.js';

const rules = sealedJson().create();
const BATCH = 256;

/** A run of blocks, and the files that a folder of its tiles has. */
export interface TileFolder {
  readonly documents: readonly Uint8Array[];
  /** In order. */
  readonly entries: readonly TileEntry[];
  readonly tail: TileEntry | null;
  /** By path: `status`, `tiles/000/index.ndjson`, `tiles/000/….ndjson.gz`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A `sealed-json` chain from a height on, of documents that have about so many bytes each. */
export function chainOf(
  sizes: readonly number[],
  { from = 0, branch = 'main' }: { readonly from?: number; readonly branch?: string } = {},
): readonly Uint8Array[] {
  let previousHash = from === 0 ? SEALED_JSON_GENESIS : 'f'.repeat(64);
  return sizes.map((bytes, at) => {
    const height = from + at;
    const records = [{ branch, height, filler: 'a line that compresses. '.repeat(Math.ceil(bytes / 24)) }];
    const payload = Buffer.from(JSON.stringify({ timestamp: 1_700_000_000_000 + height, records }));
    const { document, hash } = seal(payload, { height, previousHash });
    previousHash = hash;
    return document;
  });
}

/**
 * Puts blocks into a LevelDB store and takes the files of a folder from its tiles.
 *
 * @param options - `hasTail`: whether the blocks behind the last tile are in the folder as well. Default no.
 */
export async function tileFolder(
  t: Pick<ExecutionContext, 'teardown'>,
  documents: readonly Uint8Array[],
  options: { readonly hasTail?: boolean } = {},
): Promise<TileFolder> {
  const frames = documents.map((document): Frame => {
    const header = rules.describe(document);
    return { header, codec: 'identity', bytes: document, documentBytes: document.length };
  });
  const store = levelAt(join(tempDir(t), 'store'));
  await store.open();
  try {
    await commitAll(store, frames);
    const { entries, bodies } = await tilesOf(store);
    const last = entries.at(-1)?.to ?? -1;
    const rest = frames.filter(({ header }) => header.height > last);
    const tail = options.hasTail === true ? await tailOf(rest) : null;
    if (tail !== null) bodies.set(tailPathOf(tail.entry), tail.body);
    return folderOf(documents, entries, tail?.entry ?? null, bodies);
  } finally {
    await store.close();
  }
}

async function commitAll(store: Storage, frames: readonly Frame[]): Promise<void> {
  const identity = { chain: 'sealed-json', chainId: 'a' };
  for (let at = 0; at < frames.length; at += BATCH) {
    const blocks = frames.slice(at, at + BATCH).map((frame) => ({ frame, changes: [] }));
    await store.commit({ rollbackTo: null, blocks, confirmed: null, finalized: null, identity });
  }
}

interface FoundTiles {
  readonly entries: readonly TileEntry[];
  /** By path. */
  readonly bodies: Map<string, Uint8Array>;
}

async function tilesOf(store: Storage): Promise<FoundTiles> {
  const { tiles } = store;
  if (tiles === undefined) throw new TypeError('This store keeps tiles.');
  const to = store.checkpoint().head?.height ?? 0;
  await tiles.settle(to);
  const found = await tiles.list({ from: 0, to });
  const bodies = new Map<string, Uint8Array>();
  for (const tile of found) {
    const body = await tiles.body(tile);
    if (body !== null) bodies.set(pathOf(tile), body);
  }
  return { entries: found.map(toEntry), bodies };
}

/** The same folder with other lines in its index, or other files. */
export function changed(
  folder: TileFolder,
  more: {
    readonly entries?: readonly TileEntry[];
    readonly files?: readonly (readonly [string, Uint8Array])[];
  },
): TileFolder {
  const { documents, tail } = folder;
  const bodies = new Map([...folder.files, ...(more.files ?? [])]);
  return folderOf(documents, more.entries ?? folder.entries, tail, bodies, more.files);
}

/** Path of a tile's file in a folder. */
export function pathOf(entry: Omit<TileEntry, 'bytes' | 'documentBytes'>): string {
  return `tiles/${tilePath(tileNameOf(entry))}`;
}

/** Path of a page of the index that has a height. */
export function indexPathOf(height: number): string {
  return `tiles/${pagePath(height)}/${INDEX_NAME}`;
}

/** A body of documents in one gzip member. */
export function bodyOf(documents: readonly Uint8Array[]): Buffer {
  return gzipSync(ndjson(documents));
}

function folderOf(
  documents: readonly Uint8Array[],
  entries: readonly TileEntry[],
  tail: TileEntry | null,
  bodies: ReadonlyMap<string, Uint8Array>,
  last: readonly (readonly [string, Uint8Array])[] = [],
): TileFolder {
  const files = new Map(bodies);
  for (const first of new Set(entries.map(({ from }) => from - (from % PAGE_HEIGHTS)))) {
    const page = entries.filter(({ from }) => from - (from % PAGE_HEIGHTS) === first);
    files.set(indexPathOf(first), Buffer.from(page.map(entryLine).join('')));
  }
  files.set('status', Buffer.from(JSON.stringify(statusOf(documents, entries, tail))));
  for (const [path, bytes] of last) files.set(path, bytes);
  return { documents, entries, tail, files };
}

function statusOf(
  documents: readonly Uint8Array[],
  entries: readonly TileEntry[],
  tail: TileEntry | null,
): object {
  const [first, last] = [documents[0], documents.at(-1)] as [Uint8Array, Uint8Array];
  const { height, hash } = rules.describe(last);
  const from = entries[0]?.from ?? tail?.from ?? 0;
  const to = entries.at(-1)?.to ?? from - 1;
  return {
    protocol: 1,
    chain: 'sealed-json',
    chainId: null,
    base: rules.describe(first).height,
    head: { height, hash },
    codecs: { stream: [], json: [], snapshot: [] },
    tiles: { from, to, tail: tail === null ? null : entryMembers(tail) },
  };
}

async function tailOf(
  frames: readonly Frame[],
): Promise<{ readonly entry: TileEntry; readonly body: Uint8Array } | null> {
  const [first] = frames;
  const last = frames.at(-1);
  if (first === undefined || last === undefined) return null;
  const body = Buffer.concat((await encodeTileBody(frames)).parts);
  const documentBytes = frames.reduce((sum, frame) => sum + frame.documentBytes + 1, 0);
  const range = { from: first.header.height, to: last.header.height };
  const entry = { ...range, hash: last.header.hash, documentBytes, bytes: body.byteLength, digest: null };
  return { entry, body };
}

function tailPathOf(entry: TileEntry): string {
  return `tiles/${tailFileName(tileNameOf(entry))}`;
}

function toEntry({ from, to, hash, documentBytes, bytes, digest }: TileEntry): TileEntry {
  return { from, to, hash, documentBytes, bytes, digest };
}
