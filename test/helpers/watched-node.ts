import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import {
  type BlockSource,
  type Chain,
  createSyncEngine,
  type Frame,
  openChain,
  type SyncEngine,
} from '../../src/index.js';
import { secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import {
  type Authorize,
  type SyncMiddlewareOptions,
  type SyncDashboard,
  syncDashboard,
  type SyncMiddleware,
  syncMiddleware,
} from '../../src/server/express.js';

const encoder = new TextEncoder();
/** A key that has signed nothing. */
const OTHER_KEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const memory = { use: 'memory' } as const;

/** A port of this machine that something answers at. */
export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** A node with a dashboard at `/sync/ui`, which follows others, and those. */
export interface WatchedSite {
  readonly source: Chain;
  readonly engine: SyncEngine;
  readonly dashboard: SyncDashboard;
  readonly middleware: SyncMiddleware;
  readonly node: Site;
  /** Of the page. */
  readonly page: string;
  readonly peer: Site;
  /** Ends what the page is served from, and nothing else. */
  close(): Promise<void>;
}

/** Starts a server on a free port. */
export async function siteOf(listener: RequestListener, port = 0): Promise<Site> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Appends blocks to a chain. */
export async function extend(chain: Chain, count: number, label = 'first', padding = 0): Promise<void> {
  let { height, hash } = chain.tip().head ?? { height: -1, hash: SEALED_JSON_GENESIS };
  const documents: Uint8Array[] = [];
  for (let made = 0; made < count; made++) {
    height += 1;
    const records = [{ resourceType: 'Observation', id: `o-${height}`, note: label.padEnd(padding, ' ·') }];
    const text = JSON.stringify({ timestamp: 1_790_000_000_000 + height * 1000, label, records });
    const sealed = seal(encoder.encode(text), { height, previousHash: hash });
    documents.push(sealed.document);
    hash = sealed.hash;
  }
  await chain.append(documents);
}

/** Puts another branch in place of the newest blocks. */
export async function reorganise(chain: Chain, depth: number, label: string): Promise<void> {
  const height = (chain.tip().head?.height ?? 0) - depth;
  const header = await chain.header(height);
  if (header === null) throw new Error(`There is no block ${height}.`);
  await chain.rollback({ height, hash: header.hash });
  await extend(chain, depth + 2, label);
}

/** A source that alters a byte of each document from a height on, and says of it what the true one says. */
export function lying(source: Chain, from: number): BlockSource {
  const altered = (frame: Frame): Frame => {
    if (frame.header.height < from) return frame;
    const document = Buffer.from(source.decode(frame).bytes);
    document[document.lastIndexOf(0x7d) - 6] = 0x23;
    return { ...frame, codec: 'identity', bytes: document, documentBytes: document.byteLength };
  };
  return {
    chain: source.chain,
    chainId: () => source.chainId(),
    tip: () => source.tip(),
    header: (height) => source.header(height),
    subscribe: (listener) =>
      source.subscribe((change) => {
        listener(change.kind === 'extend' ? { ...change, frames: change.frames.map(altered) } : change);
      }),
    async *read(range, options) {
      for await (const frames of source.read(range, options)) yield frames.map(altered);
    },
  };
}

/** How a {@link watchedSite} is made. */
export interface WatchedSiteOptions {
  readonly blocks?: number;
  /** Whether the first peer is one that lies. */
  readonly hasLiar?: boolean;
  /** A directory, where the node takes a snapshot that one of two trusted keys has signed; its peer makes it there. */
  readonly snapshots?: string | null;
  /** Put before the dashboard. */
  readonly before?: express.RequestHandler;
  /** Of the dashboard. */
  readonly authorize?: Authorize | null;
  readonly challenge?: string;
}

/** Starts a source, the node that follows it, and what the node's page is served from. */
export async function watchedSite({
  blocks = 50,
  hasLiar = false,
  snapshots = null,
  before,
  ...access
}: WatchedSiteOptions = {}): Promise<WatchedSite> {
  const source = await openChain({ storage: memory, chain: 'sealed-json', finality: { depth: 12 } });
  await extend(source, blocks);
  const signer = await secp256k1Signer(new Uint8Array(32).fill(7));
  const peer = await serve(source, snapshots === null ? null : { signer, directory: snapshots });
  const liar = hasLiar ? await serve(lying(source, Math.floor(blocks / 3))) : null;
  const engine = createSyncEngine({
    peers: [...(liar === null ? [] : [liar.site.url]), peer.site.url],
    storage: memory,
    follow: true,
    finality: { depth: 12 },
    ...(snapshots === null
      ? { mode: 'stream' }
      : { mode: 'snapshot', trust: { signers: [signer.publicKey, OTHER_KEY] } }),
  });
  // Before the start, so that it sees how it begins.
  const dashboard = syncDashboard({ engine, ...access });
  const started = engine.start();
  started.catch(() => undefined);
  const middleware = syncMiddleware({ source: await engine.opened() });
  dashboard.serve(middleware.server);
  const app = express();
  if (before !== undefined) app.use('/sync/ui', before);
  app.use('/sync/ui', dashboard);
  app.use('/sync', middleware);
  const node = await siteOf(app);
  const close = async (): Promise<void> => {
    dashboard.close();
    await middleware.close();
    await node.close();
    await engine.close();
    for (const each of [peer, liar]) await each?.close();
    await source.close();
  };
  return { source, engine, dashboard, middleware, node, page: `${node.url}/sync/ui`, peer: peer.site, close };
}

async function serve(
  source: BlockSource,
  snapshots: SyncMiddlewareOptions['snapshots'] = null,
): Promise<{ readonly site: Site; close(): Promise<void> }> {
  const app = express();
  const middleware = syncMiddleware({ source, snapshots });
  app.use('/sync', middleware);
  const site = await siteOf(app);
  return {
    site,
    close: async () => {
      await middleware.close();
      await site.close();
    },
  };
}
