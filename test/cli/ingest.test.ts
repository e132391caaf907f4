import { execFileSync } from 'node:child_process';
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Chain } from '../../src/chain/chain.js';
import { blocksOn } from '../engine/follow-support.js';
import { producer, refOf, signedOn } from '../helpers/producers.js';
import { ndjson, sealedChain, smallPayload } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { type JsonLine, serve } from './cli.js';
import { run } from './in-process.js';

const chain = sealedChain(20);

const durable =
  (height: number) =>
  ({ event, head }: JsonLine): boolean =>
    event === 'checkpoint' && (head as { height: number }).height >= height;

async function headOf(url: string): Promise<unknown> {
  const { head } = (await (await fetch(`${url}/sync/status`)).json()) as { head: { height: number } | null };
  return head?.height ?? null;
}

test('lines on standard input are served as they arrive, from an empty new store on', async (t) => {
  const { cli, url } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-');
  t.is(await headOf(url), null);
  for (const [height, document] of chain.slice(0, 3).entries()) {
    cli.stdin.write(ndjson([document]));
    await cli.waitFor(durable(height));
    t.is(await headOf(url), height);
  }
  cli.stdin.end(ndjson(chain.slice(3)));
  await cli.waitFor(durable(19));
  t.is(await headOf(url), 19);
  cli.kill('SIGTERM');
  t.is((await cli.finished).code, 0);
});

test('a refused line is reported with code and height, and the next one is taken', async (t) => {
  const { cli, url } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-');
  cli.stdin.write(ndjson(chain.slice(0, 5)));
  cli.stdin.write('not a block\n');
  cli.stdin.write(ndjson(chain.slice(5)));
  await cli.waitFor(durable(19));
  const warning = await cli.waitFor(({ event }) => event === 'warning');
  t.like(warning, { code: 'BLOCK_MALFORMED', height: 5 });
  t.is(await headOf(url), 19);
});

test('a file is read to its end and the server goes on', async (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'blocks.ndjson'), ndjson(chain));
  const { cli, url } = await serve(t, join(dir, 'a'), '--ingest', join(dir, 'blocks.ndjson'));
  await cli.waitFor(durable(19));
  const synced = await run(['sync', '--peer', url, '--data', join(dir, 'b')]);
  t.is(synced.code, 0, synced.stderr);
});

test('after lines that were all refused, the next ones are stored', async (t) => {
  const { cli, url } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-');
  cli.stdin.write('not a block\n');
  await cli.waitFor(({ event }) => event === 'warning');
  cli.stdin.write(ndjson(chain.slice(0, 3)));
  await cli.waitFor(durable(2));
  t.is(await headOf(url), 2);
});

/** Chains that can go back do. */
const reversible = 'rollback' in Chain.prototype ? test : test.skip;

const fork = sealedChain(20, (height) => (height < 12 ? smallPayload(height) : { branch: 'b' }));

reversible('a line on an older block makes the chain go back to that block and take it', async (t) => {
  const { cli, url } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-');
  cli.stdin.write(ndjson(chain));
  await cli.waitFor(durable(19));
  cli.stdin.write(ndjson([...fork.slice(12, 15), ...fork.slice(3, 5)]));
  const { to, dropped } = await cli.waitFor(({ event }) => event === 'rollback');
  const { hash } = JSON.parse(Buffer.from(chain[11] ?? []).toString()) as { hash: string };
  t.deepEqual(to, { height: 11, hash });
  t.is((dropped as readonly unknown[]).length, 8);
  // What is there already is refused, however old it is.
  t.like(await cli.waitFor(({ event }) => event === 'warning'), { code: 'HEIGHT_MISMATCH', height: 15 });
  t.is(await headOf(url), 14);
});

test('a line on an older block that does not verify is refused, and the chain stays', async (t) => {
  const { cli, url } = await serve(t, join(tempDir(t), 'a'), '--ingest', '-');
  const bad = Buffer.from(fork[12] ?? []);
  bad.write('x', bad.length - 3);
  cli.stdin.write(ndjson([...chain, bad]));
  t.like(await cli.waitFor(({ event }) => event === 'warning'), { code: 'HASH_MISMATCH' });
  await cli.waitFor(durable(19));
  t.is(await headOf(url), 19);
});

test('a line on an older block that nobody has signed who may is refused, and the chain stays', async (t) => {
  const signer = await producer(t);
  const args = ['--ingest', '-', '--producer', signer.publicKey];
  const { cli, url } = await serve(t, join(tempDir(t), 'a'), ...args);
  const signed = await signedOn(null, 10, signer);
  const parent = refOf(signed[4] ?? new Uint8Array());
  cli.stdin.write(ndjson([...signed, ...blocksOn(parent, 1, 'unsigned')]));
  t.like(await cli.waitFor(({ event }) => event === 'warning'), { code: 'SIGNATURE_INVALID', height: 5 });
  cli.stdin.write(ndjson(await signedOn(refOf(signed[9] ?? new Uint8Array()), 1, signer)));
  await cli.waitFor(durable(10));
  t.is(await headOf(url), 10);
  cli.stdin.write(ndjson(await signedOn(parent, 1, signer, 'other')));
  t.deepEqual((await cli.waitFor(({ event }) => event === 'rollback'))['to'], parent);
});

if (process.platform !== 'win32') {
  test('a FIFO is read, and one that nobody writes to does not hold up the stop', async (t) => {
    const dir = tempDir(t);
    const fifo = join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const first = await serve(t, join(dir, 'a'), '--ingest', fifo);
    first.cli.kill('SIGTERM');
    t.is((await first.cli.finished).code, 0);
    const { cli, url } = await serve(t, join(dir, 'a'), '--ingest', fifo);
    createWriteStream(fifo).end(ndjson(chain));
    await cli.waitFor(durable(19));
    t.is(await headOf(url), 19);
  });
}
