import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  type Block,
  type BlockRef,
  type Chain,
  type ChainConfig,
  createSyncEngine,
  isSyncError,
  openChain,
  type PruneOptions,
} from '../../src/index.js';
import { Consumer } from '../../src/chain/consumer/consumer.js';
import { verifyChain } from '../../src/chain/verify-chain.js';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { serveSource } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';

const documents = sealedChain(5000, (at) => ({ at }));
const HEAD = documents.length - 1;
const memory = { use: 'memory' } as const;

async function filled(t: ExecutionContext, config: Partial<ChainConfig> = {}, count = 5000): Promise<Chain> {
  const chain = await openChain({ storage: memory, ...config });
  t.teardown(() => chain.close());
  await chain.append(documents.slice(0, count));
  return chain;
}

async function codeOf(step: Promise<unknown>): Promise<string | null> {
  try {
    await step;
    return null;
  } catch (error) {
    return isSyncError(error) ? error.code : String(error);
  }
}

test('all but the newest blocks go, in whole tiles, and a dry run tells what would', async (t) => {
  const storage = { use: 'leveldb', location: join(tempDir(t), 'node') } as const;
  const chain = await filled(t, { storage });
  await chain.tilesMade();
  const wanted = { from: 0, base: 3072, blocks: 3072, settled: HEAD - 64 };
  t.deepEqual(await chain.prune({ keep: 1500, dryRun: true }), wanted);
  t.is(chain.tip().base, 0);
  t.deepEqual(await chain.prune({ keep: 1500 }), wanted);
  t.deepEqual(chain.tip().finalized, await refAt(chain, 3072));
  t.is(await chain.get(3071), null);
  t.is((await chain.get(3072))?.height, 3072);
  t.deepEqual(await chain.prune({ keep: 1500 }), { from: 3072, base: 3072, blocks: 0, settled: HEAD - 64 });
  await chain.close();
  const again = await openChain({ storage });
  t.teardown(() => again.close());
  t.is(again.tip().base, 3072);
  let verified = 0;
  for await (const { blocks } of verifyChain(again, sealedJson().create(), {})) verified += blocks;
  t.is(verified, documents.length - 3072);
  await again.produce({ goes: 'on' });
  t.is(again.tip().head?.height, HEAD + 1);
});

async function refAt(chain: Chain, height: number): Promise<object> {
  const header = await chain.header(height);
  return { height, hash: header?.hash };
}

test('what is not settled stays, whatever is asked for', async (t) => {
  const few = await filled(t, {}, 1080);
  t.deepEqual(await few.prune({ before: 1080 }), { from: 0, base: 0, blocks: 0, settled: 1015 });
  const final = await filled(t, { finality: { depth: 0 } }, 1080);
  t.deepEqual(await final.prune({ keep: 1 }), { from: 0, base: 1024, blocks: 1024, settled: 1079 });
  const some = await filled(t);
  t.is((await some.prune({ before: 2047 })).base, 1024);
  t.is((await some.prune({ before: 100 })).blocks, 0);
  t.is((await some.prune({ before: Number.MAX_SAFE_INTEGER })).base, 4096);
});

test('options that say not what goes, or say it twice, are mistakes', async (t) => {
  const chain = await filled(t, {}, 10);
  const wrong: unknown[] = [
    {},
    { keep: 1, before: 2 },
    { keep: 0 },
    { keep: 1.5 },
    { before: -1 },
    { before: '5' },
  ];
  for (const options of [...wrong, { keep: 5, dryRun: 'yes' }])
    await t.throwsAsync(chain.prune(options as PruneOptions), { instanceOf: TypeError });
});

test('a key whose block was pruned is known still: nothing is stored twice', async (t) => {
  const chain = await openChain({ storage: memory });
  t.teardown(() => chain.close());
  await chain.produce({ first: true }, { idempotencyKey: 'old' });
  await chain.produce(Array.from({ length: 2000 }, (_, at) => ({ at })));
  await chain.produce({ late: true }, { idempotencyKey: 'new' });
  const before = await chain.produce({ late: true }, { idempotencyKey: 'new' });
  await chain.prune({ before: 1500 });
  t.is(chain.tip().base, 1024);
  t.deepEqual(await chain.produce({ late: true }, { idempotencyKey: 'new' }), before);
  t.is(await codeOf(chain.produce({ first: true }, { idempotencyKey: 'old' })), 'BELOW_BASE');
  t.is(chain.tip().head?.height, 2001);
});

test('peers are told: the status, the tiles, streams and ranges begin at the new base, and followers go on', async (t) => {
  const chain = await filled(t);
  await chain.tilesMade();
  const origin = await serveSource(t, chain);
  const peer = `${origin}/sync`;
  const follower = createSyncEngine({ storage: memory, peers: [peer], follow: true });
  t.teardown(() => follower.close());
  const followed = follower.start();
  followed.catch(() => undefined);
  await until(() => follower.chain?.tip().head?.height === HEAD);
  const status = async (): Promise<Status> => (await (await fetch(`${peer}/status`)).json()) as Status;
  t.is((await status()).tiles?.from, 0);
  await chain.prune({ keep: 1500 });
  const { base, tiles, finalized } = await status();
  t.deepEqual([base, tiles?.from, finalized?.height], [3072, 3072, 3072]);
  for (const path of ['json?from=5&to=9', 'json?from=3071', 'stream?from_height=5']) {
    const response = await fetch(`${peer}/${path}`);
    const problem = (await response.json()) as { code: string; base: number };
    t.deepEqual([response.status, problem.code, problem.base], [410, 'BELOW_BASE', 3072], path);
  }
  t.is((await fetch(`${peer}/json?from=3072&to=3080`)).status, 200);
  const [page = ''] = (await (await fetch(`${peer}/tiles/000/index.ndjson`)).text()).split('\n');
  t.is((JSON.parse(page) as { from: number }).from, 3072);
  await chain.produce({ after: 'pruning' });
  await until(() => follower.chain?.tip().head?.height === HEAD + 1);
  t.is(follower.chain?.tip().base, 0);
  // A node that begins anew can't have what is gone, and is told where it can begin.
  const late = createSyncEngine({ storage: memory, peers: [peer], retry: { maxAttempts: 1 } });
  t.teardown(() => late.close());
  t.is(await codeOf(late.start()), 'BELOW_BASE');
  const begun = createSyncEngine({ storage: memory, peers: [peer], base: 3072 });
  t.teardown(() => begun.close());
  await begun.start();
  t.deepEqual([begun.chain?.tip().base, begun.chain?.tip().head?.height], [3072, HEAD + 1]);
});

interface Status {
  readonly base: number;
  readonly tiles: { readonly from: number } | null;
  readonly finalized: { readonly height: number } | null;
}

test('an engine goes on in a chain that is pruned under it', async (t) => {
  const source = await filled(t, {}, 4000);
  const peer = `${await serveSource(t, source)}/sync`;
  const engine = createSyncEngine({ storage: memory, peers: [peer], follow: true });
  t.teardown(() => engine.close());
  engine.start().catch(() => undefined);
  await until(() => engine.chain?.tip().head?.height === 3999);
  const chain = await engine.opened();
  t.is((await chain.prune({ keep: 1000 })).base, 2048);
  await source.append(documents.slice(4000));
  await until(() => chain.tip().head?.height === HEAD);
  t.is(chain.tip().base, 2048);
});

test('a handler that has had all that went goes on, and one that has not is told', async (t) => {
  const chain = await filled(t);
  const refs = [(await chain.header(2046)) as BlockRef, (await chain.header(2047)) as BlockRef];
  await chain.prune({ before: 2048 });
  const heights: number[] = [];
  const run = (after: BlockRef): Promise<void> => {
    const handler = ({ height }: Block): void => void heights.push(height);
    const consumer = new Consumer(chain, { name: 'a', handler, after });
    consumer.end();
    return consumer.run(new AbortController().signal);
  };
  const [behind, just] = refs as [BlockRef, BlockRef];
  t.is(await codeOf(run(behind)), 'BELOW_BASE');
  t.deepEqual(heights, []);
  t.is(await codeOf(run({ ...just, hash: behind.hash })), 'FORKED');
  await run(just);
  t.deepEqual([heights[0], heights.length], [2048, documents.length - 2048]);
});
