import { readdirSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { openArchive } from '../../plugins/transport-snapshot/server/index.js';
import type { CodecWorkers } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { smallDisk } from '../helpers/storage-small-disk.js';
import { tempDir } from '../helpers/temp-dir.js';
import { turns, until } from '../helpers/waiting.js';
import {
  bodyOf,
  changesAt,
  codeOf,
  fetchDocument,
  fetchMade,
  GatedSigner,
  LedgerSource,
  manifestAt,
  nodeSigner,
  serveSnapshots,
  sha256,
  testWorkers,
  unpack,
  withWorkers,
  type Served,
} from './snapshot-server-support.js';

const documents = sealedChain(40);

/** Another continuation of the same chain. */
const fork = sealedChain(40, (height) => ({ fork: height >= 30, timestamp: height }));
const forked = sealedChain(40, (height) => ({ fork: false, timestamp: height }));

const started = ({ events }: Served): number => events.filter(({ kind }) => kind === 'started').length;
const finished = ({ events }: Served): number => events.filter(({ kind }) => kind === 'finished').length;

test('twenty cold requests at once wait for one build and get the same bytes', async (t) => {
  const source = await LedgerSource.of(documents, changesAt);
  const served = await serveSnapshots(t, source, { types: ['full'] });
  const bodies = await Promise.all(
    Array.from({ length: 20 }, async () => bodyOf(await fetchMade(`${served.url}?type=full`))),
  );
  t.is(new Set(bodies.map(sha256)).size, 1);
  t.is(started(served), 1);
  t.is(source.viewed, 1);
  const [body = Buffer.alloc(0)] = bodies;
  const { members, hash } = unpack(gunzipSync(body));
  t.like(members, { height: 39, hash });
});

test('what is listed is made by itself, one build at a time, and no request begins one', async (t) => {
  const signer = new GatedSigner();
  signer.shut();
  const served = await serveSnapshots(t, await LedgerSource.of(documents), {
    signer,
    types: ['recent', 'full'],
    codecs: ['gzip', 'identity'],
  });
  await until(() => signer.asked === 1);
  for (const query of ['', '?type=full', '?codec=identity', '?type=full&codec=identity']) {
    const refused = await fetch(`${served.url}${query}`, { method: 'HEAD' });
    t.is(refused.status, 503, query);
    t.is(refused.headers.get('retry-after'), '5', query);
  }
  t.is((await fetch(`${served.url}?codec=bzip2`)).status, 400);
  t.is(started(served), 1);
  signer.open();
  await until(() => finished(served) === 4);
  const kinds = served.events.flatMap((event) =>
    event.kind === 'started' || event.kind === 'finished' ? [event.kind] : [],
  );
  t.deepEqual(
    kinds,
    Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? 'started' : 'finished')),
  );
  t.is((await fetch(`${served.url}?type=full&codec=identity`)).status, 200);
});

test('without a list there is one snapshot: of the last blocks, in one codec', async (t) => {
  const directory = tempDir(t);
  const server = createSyncServer({
    source: await LedgerSource.of(documents),
    snapshots: { signer: nodeSigner(), directory },
  });
  const origin = await listen(t, nodeListener(server));
  t.teardown(() => server.close());
  for (const query of ['?type=full', '?codec=gzip', '?codec=identity', '?type=full&codec=gzip']) {
    t.true([400, 404].includes((await fetch(`${origin}/sync/snapshot${query}`, { method: 'HEAD' })).status));
  }
  t.like(await manifestAt(`${origin}/sync/snapshot/manifest`), {
    type: 'recent',
    codec: 'bzip2',
    height: 39,
  });
  t.is(readdirSync(directory).length, 1);
});

test('a request waits two seconds for a build that is under way', async (t) => {
  const source = await LedgerSource.of(documents);
  const signer = new GatedSigner();
  signer.shut();
  const served = await serveSnapshots(t, source, { signer });
  const began = performance.now();
  for (const early of await Promise.all([fetch(served.url), fetch(`${served.url}/manifest`)])) {
    t.is(early.status, 503);
    t.is(await codeOf(early), 'SNAPSHOT_BUILDING');
    t.is(early.headers.get('retry-after'), '5');
  }
  t.true(performance.now() - began >= 1_900);
  t.deepEqual(served.errors, []);
  const waits = fetchMade(served.url);
  signer.open();
  t.is((await waits).status, 200);
  t.is((await fetch(`${served.url}/manifest`)).status, 200);
  t.is(started(served), 1);
});

test('what has no room is not made, which is told once, and ended where its size was not known', async (t) => {
  const source = await LedgerSource.of(documents.slice(0, 20));
  const roomy = await serveSnapshots(t, source);
  const { size } = await manifestAt(`${roomy.url}/manifest`);
  const { directory } = roomy;
  await roomy.middleware.close();
  await source.extend(documents.slice(20));

  const tight = await serveSnapshots(t, source, { directory, every: 1, maxBytes: 2 * size - 1 });
  await until(() => tight.events.some(({ kind }) => kind === 'skipped'));
  const expected = { kind: 'skipped', type: 'recent', codec: 'gzip', neededBytes: size };
  t.deepEqual(tight.events, [{ ...expected, roomBytes: size - 1, boundBy: 'maxBytes' }] as never);
  t.is((await manifestAt(`${tight.url}/manifest`)).height, 19);
  t.is(readdirSync(directory).length, 1);
  await tight.middleware.close();

  const small = await serveSnapshots(t, source, { maxBytes: 100 });
  await until(() => small.events.some(({ kind }) => kind === 'failed'));
  await until(() => readdirSync(small.directory).length === 0);
  t.is((await fetchMade(small.url)).status, 503);
  t.is(isSyncError(small.errors[0]) ? small.errors[0].code : null, 'STORE_FULL');
  t.is(await codeOf(await fetch(small.url)), 'SNAPSHOT_UNAVAILABLE');
  t.is(small.errors.length, 1);
});

test('a disk that is nearly full is left to the store', async (t) => {
  const disk = smallDisk(64);
  if (disk === null) {
    t.pass('No small disk can be mounted here.');
    return;
  }
  t.teardown(() => {
    disk.remove();
  });
  const directory = join(disk.path, 'snapshots');
  const served = await serveSnapshots(t, await LedgerSource.of(documents), { directory });
  await until(() => served.events.length > 0);
  t.like(served.events[0], { kind: 'skipped', roomBytes: 0, boundBy: 'disk' });
  await until(() => readdirSync(directory).length === 0);
});

test('a snapshot that has grown old is made again when the chain has gone on', async (t) => {
  const source = await LedgerSource.of(documents.slice(0, 20));
  const served = await serveSnapshots(t, source, { refreshAfterMs: 300 });
  await until(() => finished(served) === 1);
  await delay(400);
  t.is(started(served), 1);
  await source.extend(documents.slice(20));
  await until(() => finished(served) === 2);
  await source.extend(sealedChain(41).slice(40));
  await until(() => finished(served) === 3);
  t.is((await manifestAt(`${served.url}/manifest`)).height, 40);
});

test('a snapshot that is there is served as it is while the chain moves on', async (t) => {
  const source = await LedgerSource.of(documents.slice(0, 20));
  const served = await serveSnapshots(t, source);
  const first = await manifestAt(`${served.url}/manifest`);
  await source.extend(documents.slice(20));
  t.deepEqual(await manifestAt(`${served.url}/manifest`), first);
  t.is(started(served), 1);
});

test('an empty chain and a source without views have no snapshots', async (t) => {
  for (const source of [await LedgerSource.of([]), new MemorySource(documents)]) {
    const { url, origin } = await serveSnapshots(t, source);
    for (const target of [url, `${url}/manifest`]) {
      const response = await fetch(target);
      t.is(response.status, 404);
      t.is(await codeOf(response), 'SNAPSHOT_UNAVAILABLE');
    }
    t.like(await (await fetch(`${origin}/sync/status`)).json(), { snapshots: [] });
  }
});

test('a build that fails is told to the operator, and no request tries again', async (t) => {
  const source = await LedgerSource.of(documents);
  let broken = true;
  const served = await serveSnapshots(t, source, {
    plugin: withWorkers((workers) => ({
      ...workers,
      pack: (task, options) =>
        broken ? Promise.reject(new Error('EIO /secret/path')) : workers.pack(task, options),
    })),
  });
  const failed = await fetchMade(served.url);
  t.is(failed.status, 500);
  const text = await failed.text();
  t.true(text.includes('"INTERNAL"'));
  t.false(text.includes('secret'));
  t.is(served.errors.length, 1);
  t.is(served.events.at(-1)?.kind, 'failed');
  await until(() => readdirSync(served.directory).length === 0);
  t.is(source.views, 0);
  broken = false;
  const again = await fetch(served.url);
  t.is(again.status, 404);
  t.is(await codeOf(again), 'SNAPSHOT_UNAVAILABLE');
  t.is(started(served), 1);
  t.is(served.errors.length, 1);
});

test('snapshots are made again on schedule, and old generations go', async (t) => {
  const source = await LedgerSource.of(documents.slice(0, 10));
  const served = await serveSnapshots(t, source, { every: 10, types: ['recent', 'full'] });
  await until(() => finished(served) === 2);
  const heights = async (): Promise<unknown> => {
    const status = (await (await fetch(`${served.origin}/sync/status`)).json()) as {
      snapshots: { type: string; height: number }[];
    };
    return status.snapshots.map(({ type, height }) => `${type} ${height}`);
  };
  t.deepEqual(await heights(), ['recent 9', 'full 9']);
  await source.extend(documents.slice(10, 19));
  await delay(100);
  t.is(finished(served), 2);
  await source.extend(documents.slice(19, 20));
  await until(() => finished(served) === 4);
  t.deepEqual(await heights(), ['recent 19', 'full 19']);
  await source.extend(documents.slice(20));
  await until(() => finished(served) === 6);
  await until(() => served.events.filter(({ kind }) => kind === 'removed').length === 2);
  t.deepEqual(await heights(), ['recent 39', 'full 39']);
  await until(() => readdirSync(served.directory).length === 4);
});

test('while the chain is caught up with, none is made for its new blocks; when that is over, one is', async (t) => {
  const source = await LedgerSource.of(documents.slice(0, 10));
  let isBehind = true;
  const served = await serveSnapshots(t, source, { every: 5, isCatchingUp: () => isBehind });
  for (const to of [20, 30, 39]) {
    await source.extend(documents.slice(to === 39 ? 30 : to - 10, to));
    await delay(50);
  }
  t.deepEqual(served.events, []);
  isBehind = false;
  await source.extend(documents.slice(39, 40));
  await until(() => finished(served) === 1);
  t.is((await manifestAt(`${served.url}/manifest`)).height, 39);
  isBehind = true;
  t.is(finished(served), 1);
});

test('a snapshot that has come of age is made again, or for the first time, while the chain is caught up with', async (t) => {
  const source = await LedgerSource.of(documents.slice(0, 10));
  const more = { every: 5, refreshAfterMs: 200, isCatchingUp: () => true };
  const served = await serveSnapshots(t, source, more);
  await until(() => finished(served) === 1);
  await source.extend(documents.slice(10, 20));
  await until(() => finished(served) === 2);
  t.is((await manifestAt(`${served.url}/manifest`)).height, 19);
});

test('a download of an old generation goes on while two newer ones are made', async (t) => {
  const blocks = sealedChain(300, (height) => ({ text: `${height} `.repeat(15_000) }));
  const source = await LedgerSource.of(blocks.slice(0, 280));
  const served = await serveSnapshots(t, source, { every: 10, types: ['full'], codecs: ['identity'] });
  await until(() => finished(served) === 1);
  const old = await manifestAt(`${served.url}/manifest?type=full`);
  const response = await new Promise<IncomingMessage>((resolve) => {
    get(`${served.url}/${old.id}`, resolve);
  });
  for (const [from, to, count] of [
    [280, 290, 2],
    [290, 300, 3],
  ] as const) {
    await source.extend(blocks.slice(from, to));
    await until(() => finished(served) === count);
  }
  t.true(readdirSync(served.directory).includes(old.id));
  t.is((await fetch(`${served.url}/${old.id}`, { headers: { range: 'bytes=0-9' } })).status, 206);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  t.is(body.length, old.size);
  t.is(unpack(body).hash, old.hash);
  await until(() => !readdirSync(served.directory).includes(old.id));
  const gone = await fetch(`${served.url}/${old.id}`);
  t.is(await codeOf(gone), 'SNAPSHOT_GONE');
  t.like(await manifestAt(`${served.url}/manifest?type=full`), { height: 299 });
});

test('a snapshot whose last block was rolled back while it was made is made anew', async (t) => {
  const source = await LedgerSource.of(forked, changesAt);
  const signer = new GatedSigner();
  signer.shut();
  const served = await serveSnapshots(t, source, { signer });
  const waiting = fetchDocument(served.url);
  await until(() => signer.asked === 1);
  await source.rollback(29);
  await source.extend(fork.slice(30, 35), changesAt);
  signer.open();
  const { members } = await waiting;
  t.like(members, { height: 34 });
  t.deepEqual((members['blocks'] as unknown[]).at(-1), JSON.parse(Buffer.from(fork[34] ?? []).toString()));
  t.is(source.viewed, 2);
  t.is(readdirSync(served.directory).length, 1);
});

test('a snapshot of a branch that the chain has left is not the newest any more', async (t) => {
  const source = await LedgerSource.of(forked, changesAt);
  const served = await serveSnapshots(t, source);
  const left = await manifestAt(`${served.url}/manifest`);
  await source.rollback(29);
  await source.extend(fork.slice(30, 35), changesAt);
  t.like(await (await fetch(`${served.origin}/sync/status`)).json(), { snapshots: [] });
  const taken = await manifestAt(`${served.url}/manifest`);
  t.is(taken.height, 34);
  t.is((await fetch(`${served.url}/${left.id}`)).status, 200);
  await served.middleware.close();
  const again = await serveSnapshots(t, source, { directory: served.directory });
  t.is((await manifestAt(`${again.url}/manifest`)).id, taken.id);
  t.is(started(again), 0);
});

test('closing calls the build off, leaves nothing behind and waits for it', async (t) => {
  const source = await LedgerSource.of(documents);
  const signer = new GatedSigner();
  signer.shut();
  const served = await serveSnapshots(t, source, { signer, every: 1 });
  const waiting = fetch(served.url);
  await until(() => signer.asked === 1);
  await served.middleware.close();
  t.is((await waiting).status, 503);
  await until(() => readdirSync(served.directory).length === 0);
  t.is(source.views, 0);
  t.is(source.listeners.size, 0);
  t.deepEqual(served.errors, []);
});

test('no more work waits than one piece above the threads, and what comes out of order is put in order', async (t) => {
  const blocks = sealedChain(200, (height) => ({ text: `${height} `.repeat(300) }));
  const source = await LedgerSource.of(blocks, changesAt);
  const inner = testWorkers();
  let inWork = 0;
  let most = 0;
  let pieces = 0;
  const workers: CodecWorkers = {
    ...inner,
    threads: 3,
    pack: async (task, options) => {
      inWork += 1;
      pieces += 1;
      most = Math.max(most, inWork);
      // The first ones wait for as many as there may be, and for one more that must not come.
      if (pieces <= 4) await until(() => most >= 4).then(() => turns(20));
      else await delay((pieces * 7) % 11);
      inWork -= 1;
      return inner.pack(task, options);
    },
  };
  const archive = await openArchive(tempDir(t));
  const order = { source, workers, signer: nodeSigner(), type: 'full', codec: 'gzip' } as const;
  let seen = 0;
  const { manifest } = await archive.build(
    { ...order, maxPartBytes: 3_000 },
    {
      onProgress: ({ blocks: written, totalBlocks }) => {
        t.true(written >= seen && written <= totalBlocks);
        seen = written;
      },
    },
  );
  t.is(most, 4);
  t.true(pieces > 50);
  t.is(seen, 200);
  t.is(manifest.height, 199);
  const { hash, members } = unpack(gunzipSync(await readBody(archive, manifest.id)));
  t.is(hash, manifest.hash);
  t.is((members['blocks'] as unknown[]).length, 200);
});

test('work that is under way is called off and waited for when the source fails', async (t) => {
  const source = await LedgerSource.of(documents);
  const view = source.view.bind(source);
  source.view = async () => {
    const made = await view();
    return {
      ...made,
      read: async function* (range, options) {
        for await (const frames of made.read(range, options))
          yield frames.filter(({ header }) => header.height !== 35);
      },
    };
  };
  const inner = testWorkers();
  let inWork = 0;
  let calledOff = 0;
  const workers: CodecWorkers = {
    ...inner,
    threads: 3,
    pack: async (task, options) => {
      inWork += 1;
      await delay(20);
      inWork -= 1;
      if (options?.signal?.aborted === true) calledOff += 1;
      return inner.pack(task, options);
    },
  };
  const archive = await openArchive(tempDir(t));
  const order = {
    source,
    workers,
    signer: nodeSigner(),
    type: 'full',
    codec: 'gzip',
    maxPartBytes: 4_000,
  } as const;
  const error = await t.throwsAsync(archive.build(order));
  t.true(isSyncError(error, 'STORE_DAMAGED'));
  t.is(isSyncError(error) ? error.context.height : null, 35);
  t.is(inWork, 0);
  t.true(calledOff > 0);
  t.is(source.views, 0);
  t.deepEqual(readdirSync(archive.directory), []);
});

async function readBody(archive: Awaited<ReturnType<typeof openArchive>>, id: string): Promise<Buffer> {
  const reader = await archive.read(id);
  const snapshot = await archive.find(id);
  const chunks: Uint8Array[] = [];
  if (reader === null || snapshot === null) throw new Error('The snapshot is gone.');
  const range = { start: 0, end: snapshot.manifest.size };
  for await (const chunk of reader.bytes(range, new AbortController().signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
