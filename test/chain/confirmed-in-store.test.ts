import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createSyncEngine, openChain } from '../../src/index.js';
import { mockPeer } from '../../src/testing/index.js';
import { run } from '../cli/in-process.js';
import { makeStore } from '../cli/stores.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';

const documents = sealedChain(200);

/** A store with the blocks 0 to 199, of which two peers had those to 99. */
async function unconfirmedStore(t: ExecutionContext): Promise<string> {
  const location = join(tempDir(t), 'node');
  await makeStore(location, documents.slice(0, 100));
  await using longer = await mockPeer(documents);
  await using shorter = await mockPeer(documents.slice(0, 100));
  const engine = createSyncEngine({
    peers: [longer.url, shorter.url],
    agree: 2,
    follow: true,
    storage: { use: 'leveldb', location },
  });
  const ended = engine.start().catch(() => undefined);
  await until(() => engine.chain?.tip().head?.height === 199);
  t.is(engine.chain?.tip().confirmed?.height, 99);
  await engine.close();
  await ended;
  return location;
}

test.serial('What peers have not confirmed a command that reads the store does not confirm', async (t) => {
  const data = await unconfirmedStore(t);
  const status = await run(['status', '--data', data, '--json']);
  t.is(status.code, 0, status.stderr);
  const out = join(tempDir(t), 'public');
  const args = ['publish', '--data', data, '--out', out, '--finality-depth', '0', '--json'];
  const published = await run(args);
  t.is(published.code, 0, published.stderr);
  t.like(JSON.parse(String(published.stdout).trim().split('\n').at(-1) ?? ''), { head: { height: 99 } });
  const chain = await openChain({ storage: { use: 'leveldb', location: data } });
  t.teardown(() => chain.close());
  t.like(chain.tip(), { head: { height: 199 }, confirmed: { height: 99 } });
});

test.serial('A block that the host appends confirms those below it', async (t) => {
  const location = await unconfirmedStore(t);
  const chain = await openChain({ storage: { use: 'leveldb', location } });
  t.teardown(() => chain.close());
  t.is(chain.tip().confirmed?.height, 99);
  await chain.append(sealedChain(201).slice(200));
  t.is(chain.tip().confirmed?.height, 200);
});

test.serial('An engine for which one peer is enough counts what is verified as confirmed', async (t) => {
  const location = await unconfirmedStore(t);
  await using peer = await mockPeer(documents);
  const engine = createSyncEngine({ peers: [peer.url], storage: { use: 'leveldb', location } });
  await engine.start();
  t.is(engine.chain?.tip().confirmed?.height, 199);
  await engine.close();
});

test.serial('A copy of a store has confirmed what the store has', async (t) => {
  const [from, to] = [await unconfirmedStore(t), join(tempDir(t), 'copy')];
  const migrated = await run(['migrate', '--from', from, '--to', to]);
  t.is(migrated.code, 0, migrated.stderr);
  const chain = await openChain({ storage: { use: 'leveldb', location: to } });
  t.teardown(() => chain.close());
  t.like(chain.tip(), { head: { height: 199 }, confirmed: { height: 99 } });
});
