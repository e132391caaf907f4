import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join, relative } from 'node:path';
import test from 'ava';
import type { DashboardDocument } from '../../src/dashboard/document.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { Cli, type JsonLine, serve } from './cli.js';

async function stateOf(url: string): Promise<DashboardDocument> {
  return (await (await fetch(`${url}/sync/ui/state`)).json()) as DashboardDocument;
}

const isUi = ({ event, step }: JsonLine): boolean => event === 'step' && step === 'ui';

test('serve shows a dashboard where it is asked for, and nowhere else', async (t) => {
  const plain = await serve(t, join(tempDir(t), 'b'), '--ingest', '-');
  t.is((await fetch(`${plain.url}/sync/ui`)).status, 404);
  const { url, cli } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-', '--ui');
  const { text } = await cli.waitFor(isUi);
  t.is(text, `The dashboard is at ${url}/sync/ui.`);
  cli.stdin.write(ndjson(sealedChain(12)));
  await until(async () => (await stateOf(url)).here?.height === 11);
  const state = await stateOf(url);
  t.is(state.phase, 'serving');
  t.is(state.server?.openStreams, 0);
  t.regex(await (await fetch(`${url}/sync/ui`)).text(), /^<!doctype html>/);
  t.is((await fetch(`${url}/sync/status`)).status, 200);
});

test('a relay shows what it follows, and shows it before a chain is known', async (t) => {
  const nobody = await serve(t, join(tempDir(t), 'c'), '--peer', 'http://127.0.0.1:1', '--ui');
  await until(async () => (await stateOf(nobody.url)).peers[0]?.why?.code === 'PEER_UNREACHABLE');
  t.is((await fetch(`${nobody.url}/sync/status`)).status, 503);
  const a = await serve(t, join(tempDir(t), 'a'), '--ingest', '-');
  a.cli.stdin.write(ndjson(sealedChain(20)));
  const b = await serve(t, join(tempDir(t), 'b'), '--peer', a.url, '--ui');
  await until(async () => (await stateOf(b.url)).here?.height === 19);
  const state = await stateOf(b.url);
  t.is(state.peers[0]?.url, `${a.url}/sync`);
  t.is(state.server?.maxStreams, 1_000);
});

test('sync shows a dashboard while it runs, and serves nothing else', async (t) => {
  const { url, cli: source } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-');
  source.stdin.write(ndjson(sealedChain(15)));
  const cli = new Cli(t, [
    ...['sync', '--peer', url, '--data', join(tempDir(t), 'b')],
    ...['--follow', '--json', '--ui-port', '0'],
  ]);
  const { text } = await cli.waitFor(isUi);
  const [at = ''] = /http:[^ ]*(?=\/sync\/ui\.$)/.exec(String(text)) ?? [];
  await until(async () => (await stateOf(at)).here?.height === 14);
  t.is((await stateOf(at)).server, null);
  t.is((await fetch(`${at}/sync/status`)).status, 404);
  t.is(await statusAs(`${at}/sync/ui/state`, 'evil.example'), 403);
  cli.kill('SIGTERM');
  const { code, stderr } = await cli.finished;
  t.is(code, 0, stderr);
  await t.throwsAsync(fetch(at));
});

/** The status of an answer to a request that names a host. */
function statusAs(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers: { host } }, (response) => {
      resolve(response.statusCode);
      response.destroy();
    }).once('error', reject);
  });
}

test('the dashboard of this computer is shown under no other name, which an attacker may have lead here', async (t) => {
  const { url, cli } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-', '--ui');
  cli.stdin.write(ndjson(sealedChain(3)));
  await until(async () => (await stateOf(url)).here?.height === 2);
  const { port } = new URL(url);
  for (const path of ['', '/state', '/events', '/errors', '/blocks/1']) {
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1.evil.example',
      'localhost@evil.example',
    ])
      t.is(await statusAs(`${url}/sync/ui${path}`, host), 403, `${host} ${path}`);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, '[::1]', 'node.localhost'])
      t.is(await statusAs(`${url}/sync/ui${path}`, host), 200, `${host} ${path}`);
  }
});

test('with a file of tokens, the dashboard is for those who give one, in a browser as a password', async (t) => {
  const directory = tempDir(t);
  const tokens = join(directory, 'tokens');
  writeFileSync(tokens, 'operator 0123456789abcdef-operator\n');
  const options = ['--ingest', '-', '--ui', '--token-file', tokens];
  const { url, cli } = await serve(t, join(directory, 'a'), ...options);
  cli.stdin.write(ndjson(sealedChain(3)));
  const ask = async (path: string, authorization: string): Promise<Response> => {
    const response = await fetch(`${url}/sync${path}`, { headers: { authorization } });
    await response.body?.cancel();
    return response;
  };
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  const good = basic('operator:0123456789abcdef-operator');
  await until(async () => (await ask('/ui/blocks/2', good)).status === 200);
  for (const path of [
    '/ui',
    '/ui/',
    '/ui/state',
    '/ui/events',
    '/ui/errors',
    '/ui/blocks/1',
    '/ui/blocks/9',
  ]) {
    for (const wrong of [
      '',
      'Basic',
      basic(''),
      basic('operator'),
      basic('operator:'),
      basic('operator:0123456789abcdef'),
      'Bearer x',
    ]) {
      const refused = await ask(path, wrong);
      t.is(refused.status, 401, `${path} ${wrong}`);
      t.is(refused.headers.get('www-authenticate'), 'Basic realm="blockferry", charset="UTF-8"');
    }
    const status = path === '/ui/blocks/9' ? 404 : 200;
    t.is((await ask(path, good)).status, status, path);
    t.is((await ask(path, 'Bearer 0123456789abcdef-operator')).status, status, path);
  }
  t.is(
    await statusAs(`${url}/sync/ui`, 'node.example'),
    401,
    'whoever asks under another name needs a token too',
  );
  const service = await ask('/status', good);
  t.is(service.status, 401);
  t.is(service.headers.get('www-authenticate'), 'Bearer');
});

test('a sync without a dashboard loads no server', (t) => {
  const loaded = new Set<string>();
  const load = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    const imported = readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^'"(]*['"](\.[^'"]+)['"]/gm);
    for (const [, path = ''] of imported) load(join(dirname(file), path));
  };
  load(join(projectRoot, 'dist/src/cli/commands/sync.js'));
  const names = [...loaded].map((file) => relative(join(projectRoot, 'dist/src'), file));
  t.true(names.includes('engine/sync-engine.js'));
  t.deepEqual(
    names.filter((name) => /^(server|dashboard|metrics)\/|^cli\/serve\//.test(name)),
    [],
  );
});
