import { join } from 'node:path';
import test from 'ava';
import type { DashboardDocument } from '../../src/dashboard/document.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { Cli, type JsonLine, run, serve } from './cli.js';

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
  cli.kill('SIGTERM');
  const { code, stderr } = await cli.finished;
  t.is(code, 0, stderr);
  await t.throwsAsync(fetch(at));
});

test('what only those with a token may read is not shown on a page that asks for none', async (t) => {
  const data = join(tempDir(t), 'a');
  const { code, stderr } = await run(t, ['serve', '--data', data, '--token-file', 'tokens', '--ui']);
  t.is(code, 2);
  t.regex(stderr, /--ui.*--token-file/);
});
