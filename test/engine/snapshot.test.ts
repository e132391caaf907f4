import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { createSyncEngine, openChain } from '../../src/index.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { answerBy, listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import {
  all,
  COUNT,
  counting,
  documents,
  documentsOf,
  fewBlocks,
  key,
  modesOf,
  node,
  retry,
  stateOf,
  sync,
  warningsOf,
} from './snapshot-support.js';

for (const storage of ['memory', 'leveldb'] as const) {
  test(`an empty ${storage} store begins with a signed snapshot, and the stream brings the rest`, async (t) => {
    const { url, chain, signer } = await node(t, 100);
    const location = join(tempDir(t), 'b');
    const config = {
      peers: [url],
      trust: { signers: [signer.publicKey] },
      snapshot: fewBlocks,
      storage: storage === 'memory' ? ({ use: 'memory' } as const) : ({ use: 'leveldb', location } as const),
    };
    const first = await sync(config);
    t.is(first.code, null);
    t.deepEqual(modesOf(first), ['snapshot', 'stream']);
    t.is(first.assumed, 99);
    t.true(first.stored.equals(ndjson(documents.slice(0, 100))));
    t.deepEqual(first.state, await stateOf(chain));
    const snapshots = first.events.filter((event) => event.type === 'snapshot');
    t.is(snapshots[0]?.status, 'begun');
    t.like(snapshots.at(-1), { status: 'imported', importedBlocks: 100, signers: [signer.publicKey] });
    if (storage === 'memory') return;
    await chain.append(documents.slice(100));
    const second = await sync(config);
    t.deepEqual(modesOf(second), ['stream']);
    t.true(second.stored.equals(all));
    t.is(second.assumed, 99, 'what came by stream is verified, what came before stays assumed');
    t.deepEqual(second.state, await stateOf(chain));
  });
}

test('each mode brings the same bytes and the same state', async (t) => {
  const { url, chain, signer } = await node(t);
  for (const mode of ['auto', 'stream', 'json', 'snapshot'] as const) {
    const run = await sync({
      peers: [url],
      mode,
      trust: { signers: [signer.publicKey] },
      snapshot: fewBlocks,
      storage: { use: 'memory' },
    });
    t.is(run.code, null, mode);
    t.true(run.stored.equals(all), mode);
    t.deepEqual(run.state, await stateOf(chain), mode);
    t.is(modesOf(run)[0], mode === 'auto' ? 'snapshot' : mode);
  }
});

test('without anybody to trust, `auto` takes no snapshot, and the mode `snapshot` is refused at once', async (t) => {
  const { url } = await node(t);
  const run = await sync({ peers: [url], snapshot: fewBlocks, storage: { use: 'memory' } });
  t.deepEqual(modesOf(run), ['stream']);
  t.throws(() => createSyncEngine({ peers: [url], mode: 'snapshot', storage: { use: 'memory' } }), {
    instanceOf: TypeError,
  });
});

test('a snapshot of a signer that is not trusted is refused; `auto` says so and goes on by stream', async (t) => {
  const { url } = await node(t);
  const trust = { signers: [(await key(8)).publicKey] };
  const auto = await sync({ peers: [url], trust, snapshot: fewBlocks, storage: { use: 'memory' } });
  t.is(auto.code, null);
  t.deepEqual(modesOf(auto), ['snapshot', 'stream']);
  t.deepEqual(warningsOf(auto), ['SNAPSHOT_UNTRUSTED']);
  t.true(auto.stored.equals(all));
  t.is(auto.assumed, null);
  const asked = await sync({ peers: [url], trust, mode: 'snapshot', storage: { use: 'memory' } });
  t.is(asked.code, 'SNAPSHOT_UNTRUSTED');
  t.is(asked.stored.length, 0);
});

test('a snapshot that is not newer than the store is left, and the store is as it was', async (t) => {
  const { url, chain, signer } = await node(t, 100);
  const location = join(tempDir(t), 'b');
  const config = { peers: [url], storage: { use: 'leveldb', location } } as const;
  const trust = { signers: [signer.publicKey] };
  t.is((await sync(config)).code, null);
  await fetch(`${url}/snapshot?type=recent`).then((response) => response.arrayBuffer());
  await chain.append(documents.slice(100));
  const again = await sync({ ...config, mode: 'snapshot', trust });
  t.is(again.code, null);
  t.deepEqual(warningsOf(again), ['SNAPSHOT_STALE']);
  t.is(again.assumed, null);
  t.true(again.stored.equals(all));
});

test('a snapshot older than one that was trusted before is refused after a restart, also by a store that lost its blocks', async (t) => {
  const newer = await node(t, 110);
  const older = await node(t, 60);
  const location = join(tempDir(t), 'b');
  const trust = { signers: [newer.signer.publicKey] };
  const config = { mode: 'snapshot', trust, storage: { use: 'leveldb', location } } as const;
  t.is((await sync({ ...config, peers: [newer.url] })).assumed, 109);
  const run = await sync({ ...config, peers: [older.url] });
  t.deepEqual(warningsOf(run), ['SNAPSHOT_STALE']);
  t.is(run.assumed, 109);
  t.true(run.stored.equals(ndjson(documents.slice(0, 110))));
});

test('a snapshot of another branch does not take the place of the blocks that are here', async (t) => {
  const forked = sealedChain(COUNT, (height) => ({ branch: 'other', note: `n${height}` }));
  const { url, signer } = await node(t);
  const location = join(tempDir(t), 'b');
  const chain = await openChain({ storage: { use: 'leveldb', location }, chainId: 'one' });
  await chain.append(forked.slice(0, 50));
  await chain.close();
  const run = await sync({
    peers: [url],
    mode: 'snapshot',
    trust: { signers: [signer.publicKey] },
    stateTransition: null,
    storage: { use: 'leveldb', location },
  });
  t.is(run.code, 'CHAIN_MISMATCH');
  const after = await openChain({ storage: { use: 'leveldb', location } });
  t.true((await documentsOf(after)).equals(ndjson(forked.slice(0, 50))));
  await after.close();
});

test('a handler that has had some blocks is told when a snapshot took the place of its next ones', async (t) => {
  const { url, signer } = await node(t);
  const location = join(tempDir(t), 'b');
  const storage = { use: 'leveldb', location } as const;
  const config = { peers: [url], storage, retry, stateTransition: counting };
  const first = createSyncEngine({ ...config, to: 20 });
  await first.run(() => undefined);
  await first.close();
  const second = createSyncEngine({ ...config, mode: 'snapshot', trust: { signers: [signer.publicKey] } });
  const seen: number[] = [];
  await second.run((block) => {
    seen.push(block.height);
  });
  await second.close();
  t.deepEqual(
    seen,
    Array.from({ length: COUNT - 21 }, (_, index) => 21 + index),
  );
});

test('a download that was begun and can not end well is forgotten, and the next start takes another one', async (t) => {
  const { url, signer } = await node(t);
  const location = join(tempDir(t), 'b');
  const config = {
    peers: [url],
    mode: 'snapshot',
    trust: { signers: [signer.publicKey] },
    storage: { use: 'leveldb', location },
  } as const;
  // Blocks above 100 bytes are refused here, so nothing of the snapshot can be taken.
  t.is((await sync({ ...config, limits: { maxBlockBytes: 100 } })).code, 'SNAPSHOT_CORRUPT');
  t.deepEqual(readdirSync(join(location, 'downloads')), []);
  const run = await sync(config);
  t.is(run.code, null);
  t.is(run.assumed, COUNT - 1);
});

test('a snapshot that ends above the last height wanted is not taken', async (t) => {
  const { url, signer } = await node(t);
  const trust = { signers: [signer.publicKey] };
  const run = await sync({ peers: [url], mode: 'snapshot', trust, to: 50, storage: { use: 'memory' } });
  t.is(run.code, 'SNAPSHOT_UNAVAILABLE');
  t.is(run.assumed, null);
});

test('a peer that sent a false part is not asked for blocks either', async (t) => {
  const { url, signer } = await node(t);
  const asked: string[] = [];
  const liar = await listen(t, (request, response) => {
    const path = request.url ?? '/';
    asked.push(path);
    answerBy(
      response,
      fetch(new URL(path, url), { headers: { range: request.headers.range ?? 'bytes=0-' } }).then(
        async (answer) => {
          const body = Buffer.from(await answer.arrayBuffer());
          const isPart = path.startsWith('/sync/snapshot/') && !path.includes('manifest');
          if (isPart) body.writeUInt8(body.readUInt8(0) ^ 1, 0);
          const headers = Object.fromEntries(
            [...answer.headers].filter(([name]) => name !== 'content-encoding'),
          );
          response.writeHead(answer.status, { ...headers, 'content-length': body.length }).end(body);
        },
      ),
    );
  });
  const run = await sync({
    peers: [`${liar}/sync`],
    trust: { signers: [signer.publicKey] },
    snapshot: fewBlocks,
    storage: { use: 'memory' },
  });
  t.is(run.code, 'SNAPSHOT_CORRUPT');
  t.true(asked.some((path) => path.startsWith('/sync/snapshot/recent-')));
  t.false(asked.some((path) => path.startsWith('/sync/stream') || path.startsWith('/sync/json')));
  t.true(run.events.some((event) => event.type === 'peer' && event.status === 'dropped'));
});
