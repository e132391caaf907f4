import { join } from 'node:path';
import test from 'ava';
import { blocksOn, bytesOf, fork, serveChain, sourceChain } from '../engine/follow-support.js';
import { tempDir } from '../helpers/temp-dir.js';
import { Cli, jsonLines } from './cli.js';
import { run } from './in-process.js';
import { storedLines } from './stores.js';

const headIs =
  (height: number) =>
  ({ event, head }: { readonly event: string; readonly head?: unknown }): boolean =>
    event === 'checkpoint' && (head as { height: number }).height === height;

test('`sync --follow` goes on with new blocks and forks until SIGTERM, which is its end', async (t) => {
  const data = join(tempDir(t), 'b');
  const source = await sourceChain(t, 50);
  const { url } = await serveChain(t, source);
  const cli = new Cli(t, ['sync', '--peer', url, '--data', data, '--follow', '--json']);
  await cli.waitFor(({ event, phase }) => event === 'phase' && phase === 'synced');
  await source.append(blocksOn(source.tip().head, 5, 'more'));
  await cli.waitFor(headIs(54));
  await fork(source, 47, 20, 'second');
  await cli.waitFor(headIs(67));
  cli.kill('SIGTERM');
  const { code, stdout, stderr } = await cli.finished;
  t.is(code, 0, stderr);
  const lines = jsonLines(stdout);
  const rollback = lines.find(({ event }) => event === 'rollback');
  t.like(rollback, { to: { height: 47 } });
  t.is((rollback?.['dropped'] as unknown[]).length, 7);
  t.like(lines.at(-1), { event: 'done', ok: true, head: { height: 67 } });
  t.true((await bytesOf(source)).equals(await storedLines(data)));
});

test('with --stale-after, `sync --follow` tells of a head that is too old', async (t) => {
  const source = await sourceChain(t, 5);
  const { url } = await serveChain(t, source);
  const options = ['--follow', '--stale-after', '2', '--agree', '1', '--json'];
  const cli = new Cli(t, ['sync', '--peer', url, '--data', join(tempDir(t), 'b'), ...options]);
  const stale = await cli.waitFor(({ event }) => event === 'stale');
  t.like(stale, { stale: true, head: { height: 4 } });
  cli.kill('SIGTERM');
  t.is((await cli.finished).code, 0);
});

test('a person reads of a rollback what was undone; Ctrl-C ends with 130', async (t) => {
  const data = join(tempDir(t), 'b');
  const source = await sourceChain(t, 20);
  const { url } = await serveChain(t, source);
  const cli = new Cli(t, ['sync', '--peer', url, '--data', data, '--follow', '--finality-depth', '8']);
  await cli.waitForText('Up to date');
  await fork(source, 14, 10, 'second');
  await cli.waitForText('Rolled back from block 19 to block 14; 5 blocks undone.');
  cli.kill('SIGINT');
  t.is((await cli.finished).code, 130);
});

test('a fork below what is final ends `sync --follow` with BELOW_FINALIZED', async (t) => {
  const data = join(tempDir(t), 'b');
  const source = await sourceChain(t, 20);
  const { url } = await serveChain(t, source);
  const cli = new Cli(t, ['sync', '--peer', url, '--data', data, '--follow', '--finality-depth', '8']);
  await cli.waitForText('Up to date');
  await fork(source, 10, 20, 'second');
  const { code, stderr } = await cli.finished;
  t.is(code, 1);
  t.regex(stderr, /BELOW_FINALIZED/);
});

test('--follow does not go with --to', async (t) => {
  const data = join(tempDir(t), 'b');
  const base = ['sync', '--peer', 'http://127.0.0.1:1', '--data', data, '--follow'];
  t.is((await run([...base, '--to', '5'])).code, 2);
});
