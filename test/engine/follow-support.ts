import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionContext } from 'ava';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import {
  type BlockHeader,
  type BlockRef,
  type Chain,
  createSyncEngine,
  openChain,
  type RollbackEvent,
  type SyncEngine,
  type SyncEngineConfig,
  type SyncEvent,
  type SyncPhase,
} from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { listen } from '../helpers/servers.js';
import { ndjson } from '../helpers/sealed-chain.js';

type Teardown = Pick<ExecutionContext, 'teardown'>;

const memory = { use: 'memory' } as const;
const encoder = new TextEncoder();

/** Documents directly above a block of a chain; those of another branch have another label. */
export function blocksOn(
  parent: BlockRef | null,
  count: number,
  label: string,
  payload: (height: number) => object = () => ({}),
): Uint8Array[] {
  const documents: Uint8Array[] = [];
  let { height, hash } = parent ?? { height: -1, hash: SEALED_JSON_GENESIS };
  for (let made = 0; made < count; made++) {
    height += 1;
    const text = JSON.stringify({ timestamp: height, label, ...payload(height) });
    const sealed = seal(encoder.encode(text), { height, previousHash: hash });
    documents.push(sealed.document);
    hash = sealed.hash;
  }
  return documents;
}

/** The block at a height, which has to be there. */
export async function refAt(chain: Chain, height: number): Promise<BlockRef> {
  const header = await chain.header(height);
  if (header === null) throw new Error(`no block ${height}`);
  return { height, hash: header.hash };
}

/** Puts another branch in place of the blocks above a height. */
export async function fork(
  chain: Chain,
  to: number,
  count: number,
  label: string,
  payload: (height: number) => object = () => ({}),
): Promise<void> {
  const parent = await refAt(chain, to);
  await chain.rollback(parent);
  if (count > 0) await chain.append(blocksOn(parent, count, label, payload));
}

/** All documents of a chain. */
export async function bytesOf(chain: Chain | null): Promise<Buffer> {
  const documents: Uint8Array[] = [];
  const { head = null, base = 0 } = chain?.tip() ?? {};
  if (chain === null || head === null) return Buffer.alloc(0);
  for await (const frames of chain.read({ from: base, to: head.height }))
    documents.push(...frames.map((frame) => chain.decode(frame).bytes));
  return ndjson(documents);
}

/** A chain in memory of `count` blocks. */
export async function sourceChain(t: Teardown, count: number): Promise<Chain> {
  const chain = await openChain({ storage: memory, chain: 'sealed-json' });
  t.teardown(() => chain.close());
  if (count > 0) await chain.append(blocksOn(null, count, 'first'));
  return chain;
}

/** A server whose line can be cut. */
export interface Line {
  readonly url: string;
  /** Ends what is being answered, and answers nothing from now on. */
  cut(): void;
  mend(): void;
}

/**
 * Serves a chain under /sync on a real socket.
 *
 * @param isLost - whether a request is cut off without an answer.
 */
export async function serveChain(
  t: Teardown,
  source: Chain,
  isLost: (request: IncomingMessage) => boolean = () => false,
): Promise<Line> {
  const server = createSyncServer({ source });
  t.teardown(() => server.close());
  const handle = nodeListener(server, { path: '/sync' });
  const open = new Set<ServerResponse>();
  let isCut = false;
  const origin = await listen(t, (request, response) => {
    open.add(response);
    response.once('close', () => open.delete(response));
    if (isCut || isLost(request)) response.destroy();
    else handle(request, response);
  });
  return {
    url: origin,
    cut: () => {
      isCut = true;
      for (const response of open) response.destroy();
    },
    mend: () => {
      isCut = false;
    },
  };
}

/** An engine under way and what it has told. */
export class Follower {
  readonly engine: SyncEngine;
  readonly events: SyncEvent[] = [];
  readonly started: Promise<void>;

  constructor(t: Teardown, config: Partial<SyncEngineConfig> & Pick<SyncEngineConfig, 'peers'>) {
    this.engine = createSyncEngine({
      storage: memory,
      follow: true,
      retry: { baseDelayMs: 5, maxDelayMs: 20 },
      ...config,
    });
    this.engine.events.subscribe((event) => this.events.push(event));
    t.teardown(() => this.engine.close());
    this.started = this.engine.start();
    this.started.catch(() => undefined);
  }

  get rollbacks(): readonly RollbackEvent[] {
    return this.events.filter((event) => event.type === 'rollback');
  }

  get phases(): readonly SyncPhase[] {
    return this.events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
  }

  /** Resolves when the engine's head is that of a chain. */
  async reaches(chain: Chain): Promise<void> {
    await this.until(() => {
      const ours = this.engine.chain?.tip().head ?? null;
      const theirs = chain.tip().head;
      return ours?.hash === theirs?.hash;
    });
  }

  /** Resolves when something holds; looks after each event. Rejects when the engine fails first. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds()) return;
        subscription.unsubscribe();
        resolve();
      };
      const subscription = this.engine.events.subscribe({ next: look, complete: look });
      this.started.catch(reject);
      look();
    });
  }

  /** What a reader of the block and rollback events holds in the end; throws when a block comes where it does not fit. */
  view(): readonly BlockRef[] {
    const blocks: BlockRef[] = [];
    for (const event of this.events) {
      if (event.type === 'block') extend(blocks, event.header);
      else if (event.type === 'rollback') undo(blocks, event);
    }
    return blocks;
  }
}

function extend(blocks: BlockRef[], { height, hash, previousHash }: BlockHeader): void {
  const last = blocks.at(-1);
  if (last !== undefined && (last.height + 1 !== height || last.hash !== previousHash))
    throw new Error(`block ${height} came after block ${last.height}`);
  blocks.push({ height, hash });
}

function undo(blocks: BlockRef[], { to, dropped }: RollbackEvent): void {
  for (const { hash } of dropped)
    if (blocks.pop()?.hash !== hash) throw new Error('a block was dropped that was not the newest');
  if (blocks.at(-1)?.hash !== to.hash) throw new Error('the rollback left another head');
}
