import test from 'ava';
import { createSyncEngine, openChain } from '../../src/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { smallDisk } from '../helpers/storage-small-disk.js';

const documents = sealedChain(20);

/** A source that has lost block 5. */
function damaged(): MemorySource {
  const source = new MemorySource(documents);
  source.frames = source.frames.map((frame, height) => (height === 5 ? (source.frames[6] ?? frame) : frame));
  return source;
}

for (const mode of ['stream', 'json'] as const) {
  test(`damage that is met while serving by ${mode} has a code of its own on both sides, and the operator hears first`, async (t) => {
    const told: string[] = [];
    const server = createSyncServer({
      source: damaged(),
      onError: (error) => {
        told.push(isSyncError(error) ? `${error.code} ${error.context.height}` : String(error));
      },
    });
    t.teardown(() => server.close());
    const origin = await listen(t, nodeListener(server));
    const engine = createSyncEngine({ peers: [`${origin}/sync`], storage: { use: 'memory' }, mode });
    t.teardown(() => engine.close());
    let toldAtFailure = -1;
    engine.events.subscribe((event) => {
      if (event.type === 'peer' && event.error !== null && toldAtFailure < 0) toldAtFailure = told.length;
    });
    const error = await t.throwsAsync(engine.start());
    t.is(isSyncError(error) ? error.code : null, 'PEER_DAMAGED');
    t.true(told.length > 0);
    t.deepEqual([...new Set(told)], ['STORE_DAMAGED 5']);
    t.not(toldAtFailure, 0);
  });
}

test('a range that begins with what is damaged is 500 with that code, and says no more', async (t) => {
  const server = createSyncServer({ source: damaged() });
  t.teardown(() => server.close());
  const origin = await listen(t, nodeListener(server));
  const response = await fetch(`${origin}/sync/json?from=5&to=8`);
  t.is(response.status, 500);
  t.like(await response.json(), { code: 'PEER_DAMAGED' });
  t.is((await fetch(`${origin}/sync/json?from=0&to=3`)).status, 200);
});

test('a server whose disk is full goes on serving what it has', async (t) => {
  const disk = smallDisk(24);
  if (disk === null) {
    t.pass('No small disk can be mounted here.');
    return;
  }
  t.teardown(() => {
    disk.remove();
  });
  const large = sealedChain(200, (height) => ({ text: `${height}${'x'.repeat(400_000)}` }));
  const chain = await openChain({
    storage: { use: 'leveldb', location: `${disk.path}/node` },
    storeCodec: 'identity',
  });
  t.teardown(() => chain.close());
  let full: unknown = null;
  for (let height = 0; full === null && height < large.length; height++) {
    await chain.append(large.slice(height, height + 1)).catch((error: unknown) => {
      full = error;
    });
  }
  t.true(isSyncError(full, 'STORE_FULL'), String(full));
  const head = chain.tip().head?.height ?? 0;
  t.true(head > 5);

  const errors: unknown[] = [];
  const server = createSyncServer({ source: chain, onError: (error) => errors.push(error) });
  t.teardown(() => server.close());
  const origin = await listen(t, nodeListener(server));
  t.like(await (await fetch(`${origin}/sync/status`)).json(), { head: { height: head } });
  const range = (await (await fetch(`${origin}/sync/json?from=0`)).json()) as unknown[];
  t.is(range.length, head + 1);
  const engine = createSyncEngine({ peers: [`${origin}/sync`], storage: { use: 'memory' } });
  t.teardown(() => engine.close());
  await engine.start();
  t.is(engine.state.checkpoint?.head?.height, head);
  t.deepEqual(errors, []);
});
