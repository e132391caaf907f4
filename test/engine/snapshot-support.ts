import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import type { SnapshotServerOptions } from '../../plugins/transport-snapshot/server/options.js';
import {
  type Chain,
  type ChainConfig,
  createSyncEngine,
  isSyncError,
  openChain,
  type Signer,
  type StateTransition,
  type SyncEngineConfig,
  type SyncEvent,
} from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';

export const COUNT = 120;
export const documents = sealedChain(COUNT);
/** Few tries, at once. */
export const retry = { maxAttempts: 3, baseDelayMs: 1 };

/** Counts blocks by the remainder of their height; every key changes again and again. */
export const counting: StateTransition = {
  async apply(block, { accounts, contracts }) {
    const key = `lane-${block.height % 5}`;
    const count = (await accounts.get(key)) as number | null;
    accounts.put(key, (count ?? 0) + 1);
    contracts.put('head', { height: block.height, hash: block.hash });
  },
};

/** A signer by number. */
export const key = (seed: number): Promise<Signer> => secp256k1Signer(new Uint8Array(32).fill(seed));

/** A node that serves. */
export interface Node {
  readonly url: string;
  readonly chain: Chain;
  readonly signer: Signer;
}

/** What a node is like, other than usual. */
export interface NodeOptions {
  readonly seed?: number;
  readonly config?: Partial<ChainConfig>;
  readonly snapshots?: Partial<SnapshotServerOptions>;
  /** Documents behind its blocks, before it makes a snapshot. */
  readonly more?: readonly Uint8Array[];
}

/** A node that serves `blocks` blocks with state, and snapshots of them. */
export async function node(t: ExecutionContext, blocks = COUNT, options: NodeOptions = {}): Promise<Node> {
  const dir = tempDir(t);
  const signer = await key(options.seed ?? 7);
  const chain = await openChain({
    storage: { use: 'leveldb', location: join(dir, 'store') },
    stateTransition: counting,
    ...options.config,
  });
  await chain.append(documents.slice(chain.appendPoint.base, blocks));
  await chain.append(options.more ?? []);
  const server = createSyncServer({
    source: chain,
    snapshots: { signer, directory: join(dir, 'snapshots'), maxPartBytes: 2_000, ...options.snapshots },
  });
  const url = await listen(t, nodeListener(server));
  t.teardown(async () => {
    await server.close();
    await chain.close();
  });
  return { url: `${url}/sync`, chain, signer };
}

/** What came of a sync. */
export interface Run {
  readonly code: string | null;
  readonly events: readonly SyncEvent[];
  readonly stored: Buffer;
  readonly assumed: number | null;
  readonly state: Readonly<Record<string, unknown>>;
}

/** Syncs once, and looks at what is there then. */
export async function sync(config: SyncEngineConfig): Promise<Run> {
  const engine = createSyncEngine({ retry, stateTransition: counting, ...config });
  const events: SyncEvent[] = [];
  engine.events.subscribe((event) => events.push(event));
  let code: string | null = null;
  try {
    await engine.start();
  } catch (error) {
    if (!isSyncError(error)) throw error;
    ({ code } = error);
  }
  const { chain } = engine;
  const run = {
    code,
    events,
    stored: chain === null ? Buffer.alloc(0) : await documentsOf(chain),
    assumed: engine.state.checkpoint?.assumed?.height ?? null,
    state: chain === null ? {} : await stateOf(chain),
  };
  await engine.close();
  return run;
}

/** All documents of a chain. */
export async function documentsOf(chain: Chain): Promise<Buffer> {
  const { base, head } = chain.tip();
  const found: Uint8Array[] = [];
  for await (const frames of chain.read({ from: base, to: head?.height ?? -1 }))
    found.push(...frames.map((frame) => chain.decode(frame).bytes));
  return ndjson(found);
}

/** The whole state, by table and key. */
export async function stateOf(chain: Chain): Promise<Readonly<Record<string, unknown>>> {
  const found: Record<string, unknown> = {};
  for (const table of ['accounts', 'contracts'] as const)
    for await (const [name, value] of chain.stateEntries(table)) found[`${table}/${name}`] = value;
  return found;
}

export const modesOf = ({ events }: Run): readonly string[] =>
  events.filter((event) => event.type === 'mode').map(({ mode }) => mode);
export const warningsOf = ({ events }: Run): readonly string[] =>
  events.filter((event) => event.type === 'warning').map(({ code }) => code);
export const all = ndjson(documents);
export const fewBlocks = { minBlocks: 10 };
