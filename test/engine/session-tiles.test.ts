import test, { type ExecutionContext } from 'ava';
import { linked } from '../../plugins/chain-linked/index.js';
import { MemoryStorage } from '../../plugins/storage-memory/memory-storage.js';
import type { CommitBatch, Frame, StoragePlugin, WireItem } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { type Chain, type ChainConfig, openChain, PLUGIN_API_VERSION } from '../../src/index.js';
import { bulkyFirst, type ServedTile, tileOf, tilesOf } from '../helpers/chain-tiles.js';
import { producer, refOf, signedOn } from '../helpers/producers.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { blocksOn, bytesOf, refAt } from './follow-support.js';
import { completeAt, short, tellAll } from './session-support.js';

/** A chain whose store is asked to keep tiles, and what it is given. */
async function recorded(
  t: ExecutionContext,
  more: Partial<ChainConfig> = {},
): Promise<{ readonly chain: Chain; readonly batches: CommitBatch[] }> {
  const batches: CommitBatch[] = [];
  class Recorded extends MemoryStorage {
    override commit(batch: CommitBatch): Promise<void> {
      batches.push(batch);
      return super.commit(batch);
    }
  }
  const storage: StoragePlugin = {
    kind: 'storage',
    name: 'recorded',
    apiVersion: PLUGIN_API_VERSION,
    create: () => new Recorded(),
  };
  const chain = await openChain({ storage, chain: 'sealed-json', ...more });
  t.teardown(() => chain.close());
  return { chain, batches };
}

async function chainFrom(t: ExecutionContext, documents: readonly Uint8Array[]): Promise<Chain> {
  const { chain } = await recorded(t);
  if (documents.length > 0) await chain.append(documents);
  return chain;
}

/** 41 blocks, of which 0, 1, 2–3, 4–7, 8–15 and 16–31 are tiles. */
const documents = sealedChain(41, bulkyFirst);

/** Tiles that a chain has checked, as items. */
async function checked(chain: Chain, tiles: readonly ServedTile[]): Promise<readonly WireItem[]> {
  const items: WireItem[] = [];
  for (const { entry, body } of tiles)
    items.push({ kind: 'tile', tile: await chain.verifyTile(entry, body, {}) });
  return items;
}

/** The ranges of tiles in batches. */
const rangesIn = (batches: readonly CommitBatch[]): readonly string[] =>
  batches.flatMap(({ tiles = [] }) => tiles.map(({ from, to }) => `${from}–${to}`));

/** All answers of a peer are the tiles behind what it is asked for. */
async function tell(
  chain: Chain,
  tiles: readonly ServedTile[],
  more: Parameters<typeof tellAll>[2] = {},
): ReturnType<typeof tellAll> {
  const next = (chain.tip().head?.height ?? -1) + 1;
  const wanted = tiles.filter(({ entry }) => entry.to >= next);
  return tellAll(chain, [{ reads: (await checked(chain, wanted)).map((item) => [item]) }], more);
}

test('blocks that come in tiles are durable in order, byte for byte, and each tile goes to the store whole', async (t) => {
  const source = await chainFrom(t, documents);
  const tiles = await tilesOf(source);
  const { chain, batches } = await recorded(t);
  const { facts, error } = await tell(chain, tiles);
  t.is(error, undefined);
  const told = facts.flatMap((fact) => (fact.kind === 'durable' ? fact.frames : []));
  t.deepEqual(
    told.map(({ header }) => header.height),
    [...documents.keys()].slice(0, 32),
  );
  t.deepEqual(rangesIn(batches), ['0–0', '1–1', '2–3', '4–7', '8–15', '16–31']);
  for (const { blocks, tiles: taken = [] } of batches)
    for (const { from, to, hash, body, documentBytes } of taken) {
      const heights = blocks.map(({ frame }) => frame.header.height);
      t.true(heights.includes(from) && heights.includes(to));
      const served = tiles.find(({ entry }) => entry.from === from);
      t.is(served?.entry.hash, hash);
      t.is(served?.entry.documentBytes, documentBytes);
      t.true(served !== undefined && Buffer.from(body.bytes).equals(served.body));
    }
  t.true((await bytesOf(chain)).equals((await bytesOf(source)).subarray(0, (await bytesOf(chain)).length)));
  t.is(chain.tip().head?.height, 31);
});

test('a tile that has more than what is wanted is left at the last height wanted, and is no tile then', async (t) => {
  const tiles = await tilesOf(await chainFrom(t, documents));
  const { chain, batches } = await recorded(t);
  const { error } = await tell(chain, tiles, { to: 20 });
  t.is(error, undefined);
  t.is(chain.tip().head?.height, 20);
  t.deepEqual(rangesIn(batches), ['0–0', '1–1', '2–3', '4–7', '8–15']);
});

test('of a tile that has our newest block in it only the blocks above that are taken', async (t) => {
  const source = await chainFrom(t, documents);
  const { chain, batches } = await recorded(t);
  await chain.append(documents.slice(0, 6));
  batches.length = 0;
  const { facts, error } = await tell(chain, await tilesOf(source));
  t.is(error, undefined);
  t.is(short(facts)[0], '+ 6 7');
  t.deepEqual(rangesIn(batches), ['8–15', '16–31']);
  t.is(chain.tip().head?.hash, (await refAt(source, 31)).hash);
});

test('a store that begins higher takes the blocks of the first tile from there on', async (t) => {
  const { chain, batches } = await recorded(t, { base: 5 });
  const tiles = await tilesOf(await chainFrom(t, documents));
  const { error } = await tell(chain, tiles.slice(3));
  t.is(error, undefined);
  t.is(chain.tip().base, 5);
  t.is(chain.tip().head?.height, 31);
  t.deepEqual(rangesIn(batches), ['8–15', '16–31']);
});

test('a tile of another branch than ours shows where that leaves ours, and is no tile while that branch is proved', async (t) => {
  const source = await chainFrom(t, documents);
  const tiles = await tilesOf(source);
  const { chain, batches } = await recorded(t);
  await chain.append(documents.slice(0, 10));
  await chain.append(blocksOn(await refAt(chain, 9), 3, 'ours'));
  const inside = await checked(
    chain,
    tiles.filter(({ entry }) => entry.to >= 13),
  );
  const from = await checked(
    chain,
    tiles.filter(({ entry }) => entry.to >= 10),
  );
  const answers = [{ reads: [inside] }, { reads: from.map((item) => [item]) }];
  const { facts, asked, error } = await tellAll(chain, answers);
  t.is(error, undefined);
  t.deepEqual(asked, [12, 9]);
  t.is(short(facts)[0], '- 12 11 10 to 9');
  t.deepEqual(rangesIn(batches), ['16–31']);
  t.is(chain.tip().head?.hash, (await refAt(source, 31)).hash);
});

test('a tile that has no block of ours does not show where its branch begins: ours is kept', async (t) => {
  const tiles = await tilesOf(await chainFrom(t, documents));
  for (const [own, wanted] of [
    [1, ['fork replaced']],
    [4, []],
  ] as const) {
    const chain = await chainFrom(t, documents.slice(0, 7));
    await chain.append(blocksOn(await refAt(chain, 6), own, 'ours'));
    const head = chain.tip().head;
    const { error, facts } = await tell(chain, tiles);
    t.true(isSyncError(error, 'FORKED'));
    t.deepEqual(short(facts), wanted);
    t.deepEqual(chain.tip().head, head);
  }
});

test('a tile that does not follow the one before it is a lie, and what came before it stays', async (t) => {
  const source = await chainFrom(t, documents);
  const tiles = await tilesOf(source);
  const other = await chainFrom(t, documents.slice(0, 7));
  await other.append(blocksOn(await refAt(other, 6), 30, 'other'));
  const strange = (await tilesOf(other)).filter(({ entry }) => entry.from === 8);
  const chain = await chainFrom(t, []);
  const { error } = await tell(chain, [...tiles.slice(0, 4), ...strange]);
  t.true(isSyncError(error, 'PARENT_MISMATCH'), String(error));
  t.is(chain.tip().head?.hash, (await refAt(source, 7)).hash);
});

test('a tile that leaves out blocks, or was sent before, is refused', async (t) => {
  const tiles = await tilesOf(await chainFrom(t, documents));
  for (const [heights, code] of [
    [[0, 1, 4], 'HEIGHT_GAP'],
    [[0, 1, 1], 'HEIGHT_MISMATCH'],
  ] as const) {
    const chain = await chainFrom(t, []);
    const sent = heights.map((from) => tiles.find(({ entry }) => entry.from === from));
    const { error } = await tell(
      chain,
      sent.flatMap((tile) => tile ?? []),
    );
    t.true(isSyncError(error, code), String(error));
    t.is(chain.tip().head?.height, 1);
  }
});

test('a tile that this chain has not checked is never taken', async (t) => {
  const source = await chainFrom(t, documents);
  const chain = await chainFrom(t, []);
  const reads = [await checked(source, (await tilesOf(source)).slice(0, 2))];
  const { error } = await tellAll(chain, [{ reads }]);
  t.true(error instanceof TypeError);
  t.is(chain.tip().head, null);
});

for (const [height, held] of [
  [5, 4],
  [4, 3],
  [31, 30],
] as const)
  test(`a tile whose block ${height} is not the one that is pinned is refused, and the blocks before are kept`, async (t) => {
    const tiles = await tilesOf(await chainFrom(t, documents));
    const { chain, batches } = await recorded(t, { checkpoints: [{ height, hash: 'f'.repeat(64) }] });
    const { error } = await tell(chain, tiles);
    t.true(isSyncError(error, 'CHECKPOINT_MISMATCH'), String(error));
    t.is(isSyncError(error) ? error.context.height : null, height);
    t.is(chain.tip().head?.height, held);
    t.true((await bytesOf(chain)).equals(ndjson(documents.slice(0, held + 1))));
    t.false(rangesIn(batches).some((range) => Number(range.split('–')[1]) >= height));
  });

test('a false pin in the first block of all leaves nothing', async (t) => {
  const tiles = await tilesOf(await chainFrom(t, documents));
  const { chain } = await recorded(t, { checkpoints: [{ height: 0, hash: 'f'.repeat(64) }] });
  const { error } = await tell(chain, tiles);
  t.true(isSyncError(error, 'CHECKPOINT_MISMATCH'), String(error));
  t.is(chain.tip().head, null);
});

test('of a tile with blocks of a stranger those before are kept that a producer has signed', async (t) => {
  const [signer, stranger] = [await producer(t), await producer(t)];
  const own = await signedOn(null, 700, signer);
  const [last] = own.slice(-1);
  if (last === undefined) throw new TypeError('There are blocks.');
  const signed = [...own, ...(await signedOn(refOf(last), 324, stranger))];
  const tiles = await tilesOf(await chainFrom(t, signed));
  t.deepEqual(
    tiles.map(({ entry }) => entry.to),
    [1_023],
  );
  // The peer's head is so near that the signature of each block is due.
  const { chain } = await recorded(t, { producers: [{ from: 0, keys: [signer.publicKey] }] });
  const { error } = await tell(chain, tiles);
  t.is(isSyncError(error) ? error.code : null, 'PRODUCER_UNKNOWN', String(error));
  t.is(isSyncError(error) ? error.context.height : null, 700);
  t.is(chain.tip().head?.height, 699);
});

test('a tile is vouched for by the signature of a producer, or not taken', async (t) => {
  const [signer, stranger] = [await producer(t), await producer(t)];
  const signed = await signedOn(null, 1_024, signer);
  for (const [keys, code] of [
    [[signer.publicKey], null],
    [[stranger.publicKey], 'PRODUCER_UNKNOWN'],
  ] as const) {
    const tiles = await tilesOf(await chainFrom(t, signed));
    const { chain } = await recorded(t, { producers: [{ from: 0, keys }] });
    const failures: unknown[] = [];
    const { error } = await tell(chain, tiles, { onFailure: (each) => failures.push(each) });
    t.is(isSyncError(error) ? error.code : null, code, String(error));
    t.is(chain.tip().head?.height ?? -1, code === null ? 1_023 : -1);
  }
});

test('a peer that claims more than its tiles had has not shown its head', async (t) => {
  const source = await chainFrom(t, documents);
  const chain = await chainFrom(t, []);
  const items = await checked(chain, await tilesOf(source));
  const reads = [[...items, completeAt(await refAt(source, 40))]];
  const { error } = await tellAll(chain, [{ reads }]);
  t.true(isSyncError(error, 'HEAD_UNPROVED'));
  t.is(chain.tip().head?.height, 31);
});

test('with a state the tiles go to the store whose blocks are in one batch, and a failure keeps the blocks before', async (t) => {
  const source = await chainFrom(t, sealedChain(150, bulkyFirst));
  const tiles = await tilesOf(source);
  let failsAt = Infinity;
  const stateTransition = {
    apply: ({ height }: { readonly height: number }) => {
      if (height === failsAt) throw new Error('no');
    },
  };
  const whole = await recorded(t, { stateTransition });
  t.is((await tell(whole.chain, tiles)).error, undefined);
  const ranges = rangesIn(whole.batches);
  t.true(ranges.includes('8–15'), ranges.join(' '));
  t.true(whole.batches.every(({ blocks }) => blocks.length <= 64));
  t.is(whole.chain.tip().head?.height, 127);
  failsAt = 20;
  const failed = await recorded(t, { stateTransition });
  const { error } = await tell(failed.chain, tiles);
  t.true(isSyncError(error, 'STATE_FAILED'));
  t.is(failed.chain.tip().head?.height, 19);
  t.false(rangesIn(failed.batches).includes('16–31'));
});

test('tiles of a chain whose hashes do not cover all bytes keep the digest that they were checked with', async (t) => {
  const rules = linked({ height: 'height', hash: 'hash', previousHash: 'previousHash' });
  const { chain: source } = await recorded(t, { chain: rules });
  await source.append(documents);
  const [first] = await tilesOf(source, { isDigested: true });
  const { chain, batches } = await recorded(t, { chain: rules });
  t.is((await tell(chain, first === undefined ? [] : [first])).error, undefined);
  t.is(batches[0]?.tiles?.[0]?.digest, first?.entry.digest);
  const frames: Frame[] = [];
  for await (const batch of source.read({ from: 1, to: 1 })) frames.push(...batch);
  const undigested = await tileOf(source, frames);
  const bare = await recorded(t, { chain: rules });
  await bare.chain.append(documents.slice(0, 1));
  t.is((await tell(bare.chain, [undigested])).error, undefined);
  t.is(bare.chain.tip().head?.height, 1);
  t.deepEqual(rangesIn(bare.batches), []);
});
