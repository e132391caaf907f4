import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign as cryptoSign,
  verify as cryptoVerify,
} from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import express from 'express';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { memoryStorage } from '../../plugins/storage-memory/index.js';
import {
  snapshotEndpoint,
  type SnapshotEvent,
  type SnapshotServerOptions,
} from '../../plugins/transport-snapshot/server/index.js';
import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockSource,
  ChainChange,
  ChainTip,
  CodecPlugin,
  CodecWorkers,
  EndpointPlugin,
  Frame,
  Signer,
  SnapshotManifest,
  StateChange,
  Storage,
  StorageView,
} from '../../src/contracts/index.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { syncMiddleware, type SyncMiddleware, type SyncMiddlewareOptions } from '../../src/server/express.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { frameOf } from '../helpers/memory-source.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const SPKI = Buffer.from('3036301006072a8648ce3d020106052b8104000a032200', 'hex');

/** A secp256k1 signer of Node's own cryptography; the S of a signature is brought down as the protocol wants it. */
export function nodeSigner(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const odd = (Buffer.from(y, 'base64url').at(-1) ?? 0) & 1;
  return {
    scheme: 'secp256k1',
    publicKey: `0${2 + odd}${Buffer.from(x, 'base64url').toString('hex')}`,
    sign: (message) => {
      const bytes = cryptoSign('sha256', Buffer.from(message), {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      });
      const s = BigInt(`0x${bytes.toString('hex', 32)}`);
      const low = s > N / 2n ? N - s : s;
      return Promise.resolve(bytes.toString('hex', 0, 32) + low.toString(16).padStart(64, '0'));
    },
  };
}

/** Checks a signature with Node's own cryptography. */
export function verifies(message: string, signature: string, publicKey: string): boolean {
  const der = Buffer.concat([SPKI, Buffer.from(publicKey, 'hex')]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (BigInt(`0x${signature.slice(64)}`) > N / 2n) return false;
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  return cryptoVerify('sha256', Buffer.from(message), options, Buffer.from(signature, 'hex'));
}

/** A signer that waits for a word; builds hold still before their end. */
export class GatedSigner implements Signer {
  readonly scheme = 'secp256k1';
  readonly #signer = nodeSigner();
  #open: () => void = () => undefined;
  #gate: Promise<void> = Promise.resolve();
  /** Signatures asked for. */
  asked = 0;

  get publicKey(): string {
    return this.#signer.publicKey;
  }

  shut(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  async sign(message: string): Promise<string> {
    this.asked += 1;
    await this.#gate;
    return this.#signer.sign(message);
  }
}

/** A source over a store in memory, with state. */
export class LedgerSource implements BlockSource {
  readonly chain = 'sealed-json';
  readonly storage: Storage = memoryStorage().create();
  readonly listeners = new Set<(change: ChainChange) => void>();
  /** Views that are not closed. */
  views = 0;
  /** Views that were made. */
  viewed = 0;

  static async of(
    documents: readonly Uint8Array[],
    changes: (height: number) => readonly StateChange[] = () => [],
  ): Promise<LedgerSource> {
    const source = new LedgerSource();
    await source.storage.open();
    await source.extend(documents, changes);
    return source;
  }

  async extend(
    documents: readonly Uint8Array[],
    changes: (height: number) => readonly StateChange[] = () => [],
  ): Promise<void> {
    const frames = documents.map((document) => frameOf(document));
    const first = frames[0]?.header;
    const last = frames.at(-1)?.header;
    if (first === undefined || last === undefined) return;
    const blocks = frames.map((frame) => ({ frame, changes: changes(frame.header.height) }));
    const identity_ = { chain: this.chain, chainId: first.hash };
    await this.storage.commit({
      rollbackTo: null,
      blocks,
      confirmed: { height: last.height, hash: last.hash },
      finalized: null,
      identity: identity_,
    });
    this.#tell({ kind: 'extend', frames });
  }

  async rollback(height: number): Promise<void> {
    const to = await this.storage.header(height);
    if (to === null) throw new TypeError('There is no such block.');
    await this.storage.rollback({ height, hash: to.hash });
    this.#tell({ kind: 'rollback', to });
  }

  chainId(): string | null {
    return this.storage.identity()?.chainId ?? null;
  }

  tip(): ChainTip {
    return this.storage.checkpoint();
  }

  header(height: number): Promise<BlockHeader | null> {
    return this.storage.header(height);
  }

  read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    return this.storage.read(range, options);
  }

  subscribe(listener: (change: ChainChange) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  async view(): Promise<StorageView> {
    const view = await this.storage.view();
    this.views += 1;
    this.viewed += 1;
    let open = true;
    const close = (): Promise<void> => {
      if (open) this.views -= 1;
      open = false;
      return view.close();
    };
    return {
      checkpoint: view.checkpoint,
      read: (range, options) => view.read(range, options),
      entries: (table, options) => view.entries(table, options),
      close,
    };
  }

  #tell(change: ChainChange): void {
    for (const listener of [...this.listeners]) listener(change);
  }
}

/** State that has a bit of everything in it: keys out of order, escapes, values that must stay as they are. */
export function changesAt(height: number): readonly StateChange[] {
  const set = (table: StateChange['table'], key: string, value: string | null): StateChange => ({
    table,
    key,
    value: value === null ? null : Buffer.from(value),
  });
  return [
    set('accounts', `acct-${(height * 7) % 10}`, `{"balance": 6.0, "at":${height}}`),
    set('accounts', `"quoted"\n☤${height % 2}`, '1e3'),
    set('contracts', `c${height}`, `[${height},"𝒳"]`),
    set('contracts', `c${height - 3}`, null),
  ];
}

/** The state after some blocks, as the document spells a table; worked out apart from any store. */
export function expectedTable(table: StateChange['table'], count: number): string {
  const entries = new Map<string, string>();
  for (let height = 0; height < count; height++) {
    for (const change of changesAt(height)) {
      if (change.table !== table) continue;
      if (change.value === null) entries.delete(change.key);
      else entries.set(change.key, Buffer.from(change.value).toString());
    }
  }
  const keys = [...entries.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `[${keys.map((key) => `{"key":${JSON.stringify(key)},"value":${entries.get(key) ?? ''}}`).join(',')}]`;
}

/** Codec work of a test without a server. */
export function testWorkers(...more: readonly CodecPlugin[]): CodecWorkers {
  return inThreadWorkers(codecRegistry([gzip(), identity(), ...more]));
}

/** A server with snapshots under `/sync`. */
export interface Served {
  readonly origin: string;
  /** Of the snapshots: `…/sync/snapshot`. */
  readonly url: string;
  readonly directory: string;
  readonly events: SnapshotEvent[];
  /** Failures that no client was told of. */
  readonly errors: unknown[];
  readonly middleware: SyncMiddleware;
}

/** What a test changes about its server. */
export interface ServeOptions extends Partial<SnapshotServerOptions> {
  readonly plugin?: (plugin: EndpointPlugin) => EndpointPlugin;
  readonly plugins?: readonly CodecPlugin[];
  readonly limits?: SyncMiddlewareOptions['limits'];
}

/** Serves a source with snapshots in an Express app on a real socket. */
export async function serveSnapshots(
  t: ExecutionContext,
  source: BlockSource,
  { plugin = (made) => made, plugins = [], limits = {}, ...changed }: ServeOptions = {},
): Promise<Served> {
  const events: SnapshotEvent[] = [];
  const errors: unknown[] = [];
  const options = {
    signer: nodeSigner(),
    directory: tempDir(t),
    onEvent: (event: SnapshotEvent) => events.push(event),
    ...changed,
  };
  const middleware = syncMiddleware({
    source,
    limits,
    plugins: [plugin(snapshotEndpoint({ codecs: ['gzip'], ...options })), ...plugins],
    onError: (error) => errors.push(error),
  });
  t.teardown(() => middleware.close());
  const app = express().use('/sync', middleware);
  const origin = await listen(t, app);
  return { origin, url: `${origin}/sync/snapshot`, directory: options.directory, events, errors, middleware };
}

/** Replaces what an endpoint does its codec work with. */
export function withWorkers(
  change: (workers: CodecWorkers) => CodecWorkers,
): (plugin: EndpointPlugin) => EndpointPlugin {
  return (plugin) => ({
    ...plugin,
    create: (deps) => plugin.create({ ...deps, workers: change(deps.workers) }),
  });
}

/** A body with what a reader who knows only the protocol finds in it. */
export interface Unpacked {
  readonly text: string;
  /** SHA-256 of what comes before `,"hash":"`. */
  readonly hash: string;
  readonly members: Record<string, unknown>;
}

export function unpack(document: Buffer): Unpacked {
  const at = document.lastIndexOf(',"hash":"');
  const hash = createHash('sha256').update(document.subarray(0, at)).digest('hex');
  const text = document.toString();
  return { text, hash, members: JSON.parse(text) as Record<string, unknown> };
}

export async function bodyOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

export async function fetchDocument(url: string): Promise<Unpacked> {
  return unpack(gunzipSync(await bodyOf(await fetchMade(url))));
}

/** Asks until the snapshot is made: on a machine under load that takes longer than one request waits. */
export async function fetchMade(url: string): Promise<Response> {
  let response = await fetch(url);
  for (let asked = 1; response.status === 503 && asked < 10; asked++) {
    if ((await codeOf(response.clone())) !== 'SNAPSHOT_BUILDING') break;
    response = await fetch(url);
  }
  return response;
}

export async function manifestAt(url: string): Promise<SnapshotManifest> {
  const response = await fetchMade(url);
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as SnapshotManifest;
}

export async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { readonly code: string }).code;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
