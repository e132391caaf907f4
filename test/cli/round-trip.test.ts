import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { dataTest } from '../helpers/data-test.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { jsonLines, runAlone, serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore, storedLines } from './stores.js';

const chain = sealedChain(120);
const lines = ndjson(chain);

test('import, serve, sync and export keep every byte', async (t) => {
  const dir = tempDir(t);
  const [a, b, file] = [join(dir, 'a'), join(dir, 'b'), join(dir, 'blocks.ndjson')];
  writeFileSync(file, lines);
  t.is((await runAlone(t, ['import', '--data', a, file])).code, 0);
  const { cli, url } = await serve(t, a);
  const synced = await runAlone(t, ['sync', '--peer', url, '--data', b, '--json']);
  t.is(synced.code, 0, synced.stderr);
  cli.kill('SIGTERM');
  t.is((await cli.finished).code, 0);
  for (const data of [a, b]) {
    const exported = await runAlone(t, ['export', '--data', data]);
    t.is(exported.code, 0, exported.stderr);
    t.true(lines.equals(exported.stdout));
    t.is(exported.stderr, '');
  }
});

dataTest(
  'real records that JSON.stringify would change keep every byte from seal to export',
  'data/healthcare/hl7-fhir-r4-examples-clinical.ndjson.gz',
  async (t, file) => {
    const dir = tempDir(t);
    const [a, b] = [join(dir, 'a'), join(dir, 'b')];
    const records = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n');
    const payloads = records.map((record) => `{"records":[${record}]}\n`).join('');
    const sealed = await runAlone(t, ['seal'], Buffer.from(payloads));
    t.is((await runAlone(t, ['import', '--data', a, '-'], sealed.stdout)).code, 0);
    const { url } = await serve(t, a);
    t.is((await runAlone(t, ['sync', '--peer', url, '--data', b, '--codec', 'identity'])).code, 0);
    const { stdout } = await runAlone(t, ['export', '--data', b]);
    t.true(sealed.stdout.equals(stdout));
    const inside = stdout.toString().trimEnd().split('\n');
    t.deepEqual(
      inside.map((line) => line.slice(line.indexOf('"records":[') + 11, -2)),
      records,
    );
  },
);

dataTest(
  'Ethereum blocks are imported under their rules, which the store remembers',
  'data/ethereum/eth-mainnet-0-8191.ndjson.gz',
  async (t, file) => {
    const dir = tempDir(t);
    const [a, b] = [join(dir, 'a'), join(dir, 'b')];
    const all = gunzipSync(readFileSync(file));
    const part = all.subarray(0, endOfLine(all, 300));
    t.is((await run(['import', '--data', a, '--chain', 'ethereum', '-'], part)).code, 0);
    const { url } = await serve(t, a);
    t.is((await run(['sync', '--peer', url, '--data', b])).code, 0);
    t.true(part.equals(await storedLines(b)));
    t.is((await run(['verify', '--data', b])).code, 0);
    const other = await run(['import', '--data', b, '--chain', 'sealed-json', '-'], part);
    t.is(other.code, 1);
    t.regex(other.stderr, /^CHAIN_MISMATCH: /);
  },
);

function endOfLine(bytes: Buffer, line: number): number {
  let end = 0;
  for (let count = 0; count < line; count++) end = bytes.indexOf(0x0a, end) + 1;
  return end;
}

test('an import goes on where the last one ended, and an empty last line is fine', async (t) => {
  const data = join(tempDir(t), 'a');
  t.is((await run(['import', '--data', data, '-'], ndjson(chain.slice(0, 50)))).code, 0);
  const rest = Buffer.concat([ndjson(chain.slice(50)), Buffer.from('\n')]);
  t.is((await run(['import', '--data', data, '-'], rest)).code, 0);
  t.true(lines.equals(await storedLines(data)));
});

test('a store can begin above height 0, and be synced as such', async (t) => {
  const dir = tempDir(t);
  const [a, b] = [join(dir, 'a'), join(dir, 'b')];
  const part = ndjson(chain.slice(40));
  t.is((await run(['import', '--data', a, '--base', '40', '-'], part)).code, 0);
  const { url } = await serve(t, a);
  t.is((await run(['sync', '--peer', url, '--data', b, '--base', '40'])).code, 0);
  t.true(part.equals(await storedLines(b)));
});

test('export writes the range that is asked for, to a file that is complete or not there', async (t) => {
  const dir = tempDir(t);
  const data = join(dir, 'a');
  await makeStore(data, chain);
  const file = join(dir, 'part.ndjson');
  t.is((await run(['export', '--data', data, '--from', '10', '--to', '19', file])).code, 0);
  t.true(ndjson(chain.slice(10, 20)).equals(readFileSync(file)));
  const beyond = await run(['export', '--data', data, '--from', '118', '--to', '500']);
  t.true(ndjson(chain.slice(118)).equals(beyond.stdout));
  const nowhere = await run(['export', '--data', data, join(dir, 'missing', 'part.ndjson')]);
  t.is(nowhere.code, 1);
  t.regex(nowhere.stderr, /^INPUT_UNREADABLE: /);
  mkdirSync(join(dir, 'folder'));
  t.is((await run(['export', '--data', data, join(dir, 'folder')])).code, 1);
  t.deepEqual(readdirSync(dir).sort(), ['a', 'folder', 'part.ndjson']);
});

test('sync --to stops at that height, and a later sync goes on from there', async (t) => {
  const dir = tempDir(t);
  const [a, b] = [join(dir, 'a'), join(dir, 'b')];
  await makeStore(a, chain);
  const { url } = await serve(t, a);
  t.is((await run(['sync', '--peer', url, '--data', b, '--to', '60'])).code, 0);
  t.true(ndjson(chain.slice(0, 61)).equals(await storedLines(b)));
  const rest = await run(['sync', '--peer', url, '--data', b, '--json']);
  t.is(jsonLines(rest.stdout).at(-1)?.['blocks'], 59);
  t.true(lines.equals(await storedLines(b)));
});

test('status tells the same of a store and of the server that serves it', async (t) => {
  const data = join(tempDir(t), 'a');
  await makeStore(data, chain);
  const local = await run(['status', '--data', data, '--json']);
  const { url } = await serve(t, data);
  const remote = await run(['status', '--peer', url, '--json']);
  const served = (await (await fetch(`${url}/sync/status`)).json()) as object;
  for (const { code, stdout, stderr } of [local, remote]) {
    t.is(code, 0, stderr);
    t.deepEqual(JSON.parse(stdout.toString()), { event: 'done', ok: true, exitCode: 0, ...served });
  }
  t.like(served, { protocol: 1, chain: 'sealed-json', base: 0, head: { height: 119 } });
});

test('verify passes a whole store and names the first damaged height of another', async (t) => {
  const data = join(tempDir(t), 'a');
  await makeStore(data, chain);
  const whole = await run(['verify', '--data', data, '--json']);
  t.like(jsonLines(whole.stdout).at(-1), { event: 'done', ok: true, blocks: 120 });
  for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
    const file = join(data, name);
    if (!/\.(log|ldb)$/.test(name) || statSync(file).size < 5000) continue;
    const bytes = readFileSync(file);
    bytes.fill(0x5a, bytes.length >> 1, (bytes.length >> 1) + 400);
    writeFileSync(file, bytes);
  }
  const damaged = await run(['verify', '--data', data]);
  t.is(damaged.code, 1);
  t.regex(damaged.stderr, /^STORE_DAMAGED: /);
});

test('seal goes on from a given block and from the head of a store', async (t) => {
  const data = join(tempDir(t), 'a');
  const payloads = (from: number): Buffer => Buffer.from(`{"n":${from}.0}\n{"n":${from + 1}}\n`);
  const first = await run(['seal'], payloads(0));
  await run(['import', '--data', data, '-'], first.stdout);
  const fromStore = await run(['seal', '--data', data], payloads(2));
  const { hash } = JSON.parse(first.stdout.toString().split('\n')[1] ?? '') as { hash: string };
  const fromPlace = await run(['seal', '--height', '2', '--previous-hash', hash], payloads(2));
  t.true(fromStore.stdout.equals(fromPlace.stdout));
  t.regex(fromStore.stdout.toString(), /"n":2\.0\}\n.*"n":3\}\n$/);
  t.is((await run(['import', '--data', data, '-'], fromStore.stdout)).code, 0);
});

test('with --json every line is an object with an event, and the last one is done', async (t) => {
  const dir = tempDir(t);
  const [a, b] = [join(dir, 'a'), join(dir, 'b')];
  const outputs = [(await run(['import', '--data', a, '--json', '-'], lines)).stdout];
  const { cli, url } = await serve(t, a);
  outputs.push((await run(['sync', '--peer', url, '--data', b, '--json'])).stdout);
  outputs.push((await run(['sync', '--peer', url, '--data', join(a, 'LOCK', 'x'), '--json'])).stdout);
  cli.kill('SIGTERM');
  outputs.push((await cli.finished).stdout);
  outputs.push((await run(['verify', '--data', b, '--json'])).stdout);
  outputs.push((await run(['export', '--data', b, join(dir, 'file'), '--json'])).stdout);
  outputs.push(Buffer.from((await run(['export', '--data', b, '--json'])).stderr));
  for (const output of outputs) {
    t.is(output.at(-1), 0x0a);
    const events = jsonLines(output);
    t.true(events.every(({ event }) => typeof event === 'string'));
    t.is(events.filter(({ event }) => event === 'done').length, 1);
    t.is(events.at(-1)?.event, 'done');
  }
  const sync = jsonLines(outputs[1] ?? Buffer.alloc(0));
  t.deepEqual(
    sync.filter(({ event }) => event === 'block').map(({ header }) => (header as { height: number }).height),
    chain.map((_document, height) => height),
  );
  t.like(sync.at(-1), { ok: true, exitCode: 0, blocks: 120, head: { height: 119 } });
});
