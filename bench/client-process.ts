import { concatMap, filter } from 'rxjs';
import type { SyncEngine, SyncEngineConfig } from '../src/index.js';
import { checkout, HERE, preload, tilesMade } from './checkout.js';
import { startMeter } from './meter.js';
import { settings, tell } from './process.js';

interface Settings {
  readonly url: string;
  readonly location?: string;
  /** A store that is not in LevelDB. */
  readonly storage?: SyncEngineConfig['storage'];
  /** Built modules of the version that syncs; this one's by default. */
  readonly dist?: string;
  readonly chain: string;
  readonly config: Pick<SyncEngineConfig, 'mode' | 'codecs' | 'threads'>;
  /** Whether it trusts the server's snapshots. */
  readonly trusts?: boolean;
  /** Who takes the blocks: a handler of `run` that parses each, or a subscriber that loads the block of each event. */
  readonly consumer?: Consumer;
}

type Consumer = { readonly by: 'run' } | { readonly by: 'events'; readonly blocks: number };

/** Syncs a new store and tells how long it took, what it has, and what that took of the machine. */
const { url, location = '', storage, dist = HERE, chain, config, trusts, consumer } = settings() as Settings;
const { blockferry, signer } = checkout(dist);
await preload(dist, chain);
if (storage !== undefined) await Promise.all([import('../plugins/storage-postgres/index.js'), import('pg')]);
const { createSyncEngine } = await blockferry();
const { publicKey } = await (await signer()).secp256k1Signer(new Uint8Array(32).fill(1));
const trust = trusts === true ? { trust: { signers: [publicKey] }, snapshot: { type: 'full' as const } } : {};
const stop = startMeter();
const engine = createSyncEngine({
  peers: [url],
  storage: storage ?? { use: 'leveldb', location },
  ...config,
  ...trust,
});
const ways = watchModes(engine);
const taken = await sync(engine);
const measured = stop();
const { checkpoint } = engine.state;
// So that the store is measured as it stays.
await tilesMade(await engine.opened());
await engine.close();
const head = checkpoint?.head ?? null;
const blocks = head === null ? 0 : head.height - (checkpoint?.base ?? 0) + 1;
const [first = null, second] = ways();
await tell({
  ...measured,
  blocks: taken ?? blocks,
  headHash: head?.hash,
  mode: first?.mode ?? null,
  modeBlocks: second?.blocks ?? blocks,
});

/** Notes which ways were taken, and how many blocks were here when each began. */
function watchModes({ states }: SyncEngine): () => readonly { mode: string; blocks: number }[] {
  const seen: { mode: string; blocks: number }[] = [];
  states.subscribe(({ mode, checkpoint }) => {
    if (mode === null || mode === seen.at(-1)?.mode) return;
    seen.push({ mode, blocks: (checkpoint?.head?.height ?? -1) + 1 });
  });
  return () => seen;
}

/** @returns the blocks that the consumer had; `null` where there is none */
async function sync(of: SyncEngine): Promise<number | null> {
  if (consumer === undefined) {
    await of.start();
    return null;
  }
  return consumer.by === 'run' ? run(of) : events(of, consumer.blocks);
}

async function run(of: SyncEngine): Promise<number> {
  let count = 0;
  await of.run((block) => {
    if (typeof block.json() === 'object') count += 1;
  });
  return count;
}

/** @param blocks - how many there are */
async function events(of: SyncEngine, blocks: number): Promise<number> {
  let count = 0;
  const all = new Promise<void>((resolve, reject) => {
    const loaded = of.events.pipe(
      filter((event) => event.type === 'block'),
      concatMap(async (event) => {
        await event.block();
        count += 1;
        if (count === blocks) resolve();
      }),
    );
    loaded.subscribe({ error: reject });
  });
  await of.start();
  await all;
  return count;
}
