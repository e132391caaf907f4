import { readdirSync, rmSync, statSync, utimesSync, writeFileSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openArchive } from '../../plugins/transport-snapshot/server/index.js';
import { BuildTurn } from '../../plugins/transport-snapshot/server/build-turn.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import {
  changesAt,
  fetchMade,
  GatedSigner,
  LedgerSource,
  manifestAt,
  serveSnapshots,
} from './snapshot-server-support.js';

const documents = sealedChain(40);

test('Servers that share a directory make one snapshot, by one of them, and all serve it under the same id', async (t) => {
  const directory = tempDir(t);
  const signer = new GatedSigner();
  signer.shut();
  const sources = await Promise.all([1, 2, 3].map(() => LedgerSource.of(documents, changesAt)));
  const servers = await Promise.all(
    sources.map((source) => serveSnapshots(t, source, { types: ['full'], signer, directory })),
  );
  const started = (): number =>
    servers.flatMap(({ events }) => events.filter(({ kind }) => kind === 'started')).length;
  await until(() => started() === 1);
  signer.open();
  const ids = new Set<string>();
  for (const { url } of servers) {
    await (await fetchMade(`${url}?type=full`)).arrayBuffer();
    ids.add((await manifestAt(`${url}/manifest?type=full`)).id);
  }
  t.is(ids.size, 1);
  t.is(started(), 1);
  await until(() => readdirSync(directory).length === 1);
  t.deepEqual(readdirSync(directory), [...ids]);
});

test('A server whose store is behind does not make a snapshot when there is a newer one of another server', async (t) => {
  const directory = tempDir(t);
  const signer = new GatedSigner();
  const first = await serveSnapshots(t, await LedgerSource.of(documents, changesAt), {
    types: ['full'],
    signer,
    directory,
  });
  await (await fetchMade(`${first.url}?type=full`)).arrayBuffer();
  const behind = await LedgerSource.of(documents.slice(0, 30), changesAt);
  const late = await serveSnapshots(t, Object.assign(behind, { lag: () => ({ blocks: 10, ms: 400 }) }), {
    types: ['full'],
    signer,
    directory,
  });
  const { id } = await manifestAt(`${first.url}/manifest?type=full`);
  t.is((await fetch(`${late.url}/${id}`)).status, 200);
  await behind.extend(documents.slice(30));
  t.is((await manifestAt(`${late.url}/manifest?type=full`)).id, id);
  t.false(late.events.some(({ kind }) => kind === 'started'));
});

test('The turn of a process that lives is its own, that of one that has ended is free, also on another machine', async (t) => {
  const directory = tempDir(t);
  const path = join(directory, '.builder');
  let now = 0;
  const turn = new BuildTurn(directory, () => now);
  const giveBack = await turn.take();
  t.not(giveBack, null);
  if (process.platform !== 'win32') t.is(statSync(path).mode & 0o777, 0o600);
  t.is(await turn.take(), null);
  t.is(await new BuildTurn(directory).take(), null);
  await giveBack?.();
  t.deepEqual(readdirSync(directory), []);
  // An earlier process of this machine with the same number, as a container has that was started again.
  writeFileSync(path, `${hostname()} ${process.pid} earlier`);
  await (
    await turn.take()
  )?.();
  t.deepEqual(readdirSync(directory), []);
  writeFileSync(path, 'elsewhere 1 there');
  t.is(await turn.take(), null);
  now += 15_000;
  utimesSync(path, 5, 5);
  t.is(await turn.take(), null);
  now += 15_000;
  t.is(await turn.take(), null);
  now += 15_000;
  const taken = await turn.take();
  t.not(taken, null);
  // Another one that took it by mistake keeps it.
  rmSync(path);
  writeFileSync(path, 'elsewhere 2 there');
  await taken?.();
  t.deepEqual(readdirSync(directory), ['.builder']);
});

test('What another machine is building is no leftover', async (t) => {
  const directory = tempDir(t);
  const mine = `.building-4194304-00000000-0000-0000-0000-000000000000`;
  const other = `.building-4194304-01234567-00000000-0000-0000-0000-000000000000`;
  const old = `.building-4194305-01234567-00000000-0000-0000-0000-000000000000`;
  for (const name of [mine, other, old]) mkdirSync(join(directory, name));
  utimesSync(join(directory, old), 5, 5);
  await openArchive(directory);
  t.deepEqual(readdirSync(directory), [other]);
});
