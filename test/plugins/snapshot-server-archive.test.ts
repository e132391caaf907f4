import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import {
  openArchive,
  snapshotEndpoint,
  type SnapshotArchive,
  type SnapshotEvent,
  type SnapshotOrder,
} from '../../plugins/transport-snapshot/server/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { smallDisk } from '../helpers/storage-small-disk.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import {
  LedgerSource,
  manifestAt,
  nodeSigner,
  serveSnapshots,
  testWorkers,
} from './snapshot-server-support.js';

const documents = sealedChain(30);
const builder = fileURLToPath(new URL('snapshot-build-process.js', import.meta.url));

function orderOf(source: LedgerSource): SnapshotOrder {
  return { source, workers: testWorkers(), signer: nodeSigner(), type: 'full', codec: 'gzip' };
}

const ids = (archive: SnapshotArchive): readonly string[] =>
  archive.list().map(({ manifest }) => manifest.id);

test('an archive that is opened again has what it had, newest first', async (t) => {
  const directory = tempDir(t);
  const source = await LedgerSource.of(documents.slice(0, 10));
  const archive = await openArchive(directory);
  const made = [await archive.build(orderOf(source))];
  await source.extend(documents.slice(10));
  made.unshift(await archive.build(orderOf(source)));
  const again = await openArchive(directory);
  t.deepEqual(again.list(), made);
  t.deepEqual(again.list({ codec: 'identity' }), []);
  t.deepEqual(again.list({ type: 'full', chainId: source.chainId() ?? '' }), made);
});

test('the generations of each type and codec are kept apart', async (t) => {
  const source = await LedgerSource.of(documents);
  const events: SnapshotEvent[] = [];
  const archive = await openArchive(tempDir(t), { keep: 3, onEvent: (event) => events.push(event) });
  const order = orderOf(source);
  const first = await archive.build({ ...order, type: 'recent' });
  for (let count = 0; count < 4; count++) await archive.build(order);
  await archive.build({ ...order, codec: 'identity' });
  t.is(archive.list({ type: 'full', codec: 'gzip' }).length, 3);
  t.is(archive.list({ codec: 'identity' }).length, 1);
  t.true(ids(archive).includes(first.manifest.id));
  t.is(events.filter(({ kind }) => kind === 'removed').length, 1);
  t.deepEqual(readdirSync(archive.directory).sort(), [...ids(archive)].sort());
});

test.serial('which snapshot is newest rests on no clock', async (t) => {
  const source = await LedgerSource.of(documents);
  const archive = await openArchive(tempDir(t));
  await archive.build(orderOf(source));
  await archive.build(orderOf(source));
  const now = Date.now;
  t.teardown(() => {
    Date.now = now;
  });
  Date.now = () => now() - 7_200_000;
  const last = await archive.build(orderOf(source));
  Date.now = now;
  t.is(ids(archive)[0], last.manifest.id);
  t.is(ids(archive).length, 2);
});

for (const step of ['pack', 'sign1', 'sign2', 'check', 'done']) {
  test(`a process that is killed at the step ${step} leaves a whole snapshot or nothing that lasts`, async (t) => {
    const directory = tempDir(t);
    const { signal } = spawnSync(process.execPath, [builder, directory, step]);
    t.is(signal, 'SIGKILL');
    t.is(readdirSync(directory).length, 1);
    const archive = await openArchive(directory);
    t.is(archive.list().length, step === 'done' ? 1 : 0);
    t.deepEqual(readdirSync(directory), ids(archive));
  });
}

test('what another process is building is left alone, and taken up when it is done', async (t) => {
  const directory = tempDir(t);
  const source = await LedgerSource.of(documents);
  const served = await serveSnapshots(t, source, { directory });
  await manifestAt(`${served.url}/manifest`);
  const child = spawn(process.execPath, [builder, directory, 'check hold']);
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  await until(() => output.includes('check'));
  const archive = await openArchive(directory);
  t.is(archive.list().length, 1);
  t.is(readdirSync(directory).length, 2);
  child.kill('SIGKILL');
  await once(child, 'exit');
  spawnSync(process.execPath, [builder, directory, '']);
  await archive.refresh();
  t.is(archive.list().length, 2);
  await openArchive(directory);
  t.is(readdirSync(directory).length, 2);
});

test('a snapshot that does not go together is passed over, told of, and left where it is', async (t) => {
  const directory = tempDir(t);
  const source = await LedgerSource.of(documents);
  const archive = await openArchive(directory);
  const [short, foreign, unsigned] = [
    await archive.build(orderOf(source)),
    await archive.build({ ...orderOf(source), type: 'recent' }),
    await archive.build({ ...orderOf(source), codec: 'identity' }),
  ];
  truncateSync(short.bodyPath, short.manifest.size - 1);
  renameSync(join(directory, foreign.manifest.id), join(directory, 'recent-1-other'));
  writeFileSync(join(directory, unsigned.manifest.id, 'document.json'), '{"sequence":-1}');
  writeFileSync(join(directory, 'README'), 'what this is');
  mkdirSync(join(directory, 'not.an.id'));
  const events: SnapshotEvent[] = [];
  const again = await openArchive(directory, { onEvent: (event) => events.push(event) });
  await again.refresh();
  t.deepEqual(again.list(), []);
  t.is(events.filter(({ kind }) => kind === 'unusable').length, 4);
  t.is(readdirSync(directory).length, 5);
});

test('a snapshot whose files another process has removed is gone', async (t) => {
  const directory = tempDir(t);
  const source = await LedgerSource.of(documents);
  const served = await serveSnapshots(t, source, { directory });
  const { id } = await manifestAt(`${served.url}/manifest`);
  renameSync(join(directory, id), join(tempDir(t), id));
  t.is((await fetch(`${served.url}/${id}`)).status, 404);
  await source.extend(sealedChain(31).slice(30));
  t.not((await manifestAt(`${served.url}/manifest`)).id, id);
});

test('a full disk fails the build, and leaves what is there', async (t) => {
  const disk = smallDisk(1);
  if (disk === null) {
    t.pass('No small disk can be mounted here.');
    return;
  }
  t.teardown(() => {
    disk.remove();
  });
  const source = await LedgerSource.of(documents);
  const archive = await openArchive(join(disk.path, 'snapshots'));
  const first = await archive.build(orderOf(source));
  const large = await LedgerSource.of(sealedChain(30, () => ({ text: 'x'.repeat(60_000) })));
  const error = await t.throwsAsync(archive.build({ ...orderOf(large), codec: 'identity' }));
  t.true(isSyncError(error, 'STORE_FULL'), String(error));
  t.deepEqual(readdirSync(archive.directory), [first.manifest.id]);
  t.is(readFileSync(first.bodyPath).length, first.manifest.size);
});

test('options that can not be meant are refused', async (t) => {
  const options = { signer: nodeSigner(), directory: 'snapshots' };
  for (const wrong of [
    { keep: 1 },
    { maxPartBytes: 900_001 },
    { maxPartBytes: 999 },
    { recentBlocks: 0 },
    { every: 0 },
    { types: [] },
    { types: ['all' as 'full'] },
    { codecs: [] },
    { directory: '' },
  ])
    t.throws(
      () => snapshotEndpoint({ ...options, ...wrong }),
      { instanceOf: TypeError },
      JSON.stringify(wrong),
    );
  t.is(snapshotEndpoint(options).name, 'snapshot');
  await t.throwsAsync(openArchive(tempDir(t), { keep: 1 }), { instanceOf: TypeError });
});
