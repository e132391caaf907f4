import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import {
  type Chain,
  createSyncEngine,
  openChain,
  type SyncEngine,
  type SyncEngineConfig,
} from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import type { ChainRulesPlugin } from '../../src/contracts/index.js';
import { run } from '../cli/in-process.js';
import { ndjson } from '../helpers/sealed-chain.js';

/** Blocks that go from one node to another, both with the same limit. */
export interface Delivery {
  readonly t: ExecutionContext;
  readonly documents: readonly Uint8Array[];
  readonly maxBlockBytes: number;
  /** Codec that the first node stores them in. */
  readonly storeCodec: string;
  /** Codec that the other one asks for; what a way doesn't have comes as `identity`. */
  readonly asked: string;
  /** By default `sealed-json`. */
  readonly chain?: DeliveredChain;
}

/** The rules of both nodes, the options as the command line takes them, and the height of the first block. */
export interface DeliveredChain {
  readonly rules: ChainRulesPlugin;
  readonly options: object | null;
  readonly base: number;
}

const SEED = new Uint8Array(32).fill(9);
const memory = { use: 'memory' } as const;

/** Each way that blocks take; resolves with what the other node then gives out. */
export const WAYS: Readonly<Record<string, (delivery: Delivery) => Promise<readonly Uint8Array[]>>> = {
  stream: (delivery) => synced(delivery, { mode: 'stream' }),
  ranges: (delivery) => synced(delivery, { mode: 'json' }),
  'follow, live': live,
  snapshot: async (delivery) => {
    const { publicKey } = await secp256k1Signer(SEED);
    return synced(delivery, { mode: 'snapshot', trust: { signers: [publicKey] } });
  },
  'import and export': throughFiles,
};

async function synced(delivery: Delivery, config: Partial<SyncEngineConfig>): Promise<readonly Uint8Array[]> {
  return withNodes(delivery, delivery.documents, config, async (engine) => {
    await engine.start();
  });
}

async function live(delivery: Delivery): Promise<readonly Uint8Array[]> {
  const { documents } = delivery;
  const base = delivery.chain?.base ?? 0;
  return withNodes(delivery, documents.slice(0, 1), { follow: true }, async (engine, source) => {
    const ended = engine.start();
    ended.catch(() => undefined);
    for (const [at, document] of documents.entries()) {
      if (at > 0) await source.append([document]);
      await Promise.race([reached(engine, base + at), ended]);
    }
  });
}

/** A node that serves, and an engine that brings its blocks to another. */
async function withNodes(
  { maxBlockBytes, storeCodec, asked, chain }: Delivery,
  documents: readonly Uint8Array[],
  config: Partial<SyncEngineConfig>,
  sync: (engine: SyncEngine, source: Chain) => Promise<void>,
): Promise<readonly Uint8Array[]> {
  const directory = mkdtempSync(join(tmpdir(), 'blockferry-'));
  const codecs = [...new Set([asked, 'gzip', 'identity'])];
  const limits = { maxBlockBytes };
  const { rules = 'sealed-json', base = 0 } = chain ?? {};
  const same = { chain: rules, base, codecs, limits };
  const source = await openChain({ storage: memory, storeCodec, ...same });
  const signer = await secp256k1Signer(SEED);
  const snapshots = { signer, directory: join(directory, 'made'), codecs: [asked] };
  const server = createSyncServer({ source, limits, snapshots });
  const http = createServer(nodeListener(server));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const peers = [`http://127.0.0.1:${port}/sync`];
  const storage = { use: 'leveldb', location: join(directory, 'store') } as const;
  const engine = createSyncEngine({ peers, storage, ...same, ...config });
  try {
    for (const document of documents) await source.append([document]);
    await sync(engine, source);
    const { chain } = engine;
    return chain === null ? [] : await documentsOf(chain);
  } finally {
    await engine.close();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    await server.close();
    await source.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function documentsOf(chain: Chain): Promise<readonly Uint8Array[]> {
  const { head, base } = chain.tip();
  const documents: Uint8Array[] = [];
  if (head === null) return documents;
  for await (const frames of chain.read({ from: base, to: head.height }))
    documents.push(...frames.map((frame) => chain.decode(frame).bytes));
  return documents;
}

/** Resolves when a height is durable. */
function reached(engine: SyncEngine, height: number): Promise<void> {
  return new Promise((resolve) => {
    const subscription = engine.states.subscribe(({ checkpoint }) => {
      if ((checkpoint?.head?.height ?? -1) < height) return;
      resolve();
      queueMicrotask(() => {
        subscription.unsubscribe();
      });
    });
  });
}

async function throughFiles({ documents, maxBlockBytes, chain }: Delivery): Promise<readonly Uint8Array[]> {
  const directory = mkdtempSync(join(tmpdir(), 'blockferry-'));
  const data = ['--data', join(directory, 'store')];
  try {
    const most = ['--max-block-bytes', String(maxBlockBytes)];
    const rules = chain === undefined ? [] : rulesArguments(chain, directory);
    const first = ['--base', String(chain?.base ?? 0)];
    const imported = await run(['import', '-', ...data, ...most, ...rules, ...first], ndjson(documents));
    const verified = await run(['verify', ...data, ...rules]);
    const exported = await run(['export', ...data]);
    for (const { code, stderr } of [imported, verified, exported]) if (code !== 0) throw new Error(stderr);
    return linesOf(exported.stdout);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function rulesArguments({ rules, options }: DeliveredChain, directory: string): readonly string[] {
  const chain = ['--chain', rules.create().id];
  if (options === null) return chain;
  const file = join(directory, 'options.json');
  writeFileSync(file, JSON.stringify(options));
  return [...chain, '--chain-options', file];
}

function linesOf(bytes: Buffer): readonly Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf('\n', from);
    lines.push(bytes.subarray(from, end < 0 ? bytes.length : end));
    from = end < 0 ? bytes.length : end + 1;
  }
  return lines;
}
