import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { BlockRef } from '../../src/index.js';
import { blocksOn, fork, serveChain, sourceChain } from '../engine/follow-support.js';
import { blockEvent, plainServer } from '../helpers/servers.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { Cli, type JsonLine, jsonLines, serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore } from './stores.js';

const NOBODY = 'http://127.0.0.1:1';

const headIs =
  (height: number) =>
  ({ event, head }: JsonLine): boolean =>
    event === 'checkpoint' && (head as BlockRef).height === height;

const isStep =
  (wanted: string) =>
  ({ event, step }: JsonLine): boolean =>
    event === 'step' && step === wanted;

async function status(url: string): Promise<{ readonly head: BlockRef | null }> {
  return (await (await fetch(`${url}/sync/status`)).json()) as { head: BlockRef | null };
}

async function exported(t: ExecutionContext, data: string): Promise<string> {
  const { code, stdout, stderr } = await run(['export', '--data', data]);
  t.is(code, 0, stderr);
  return stdout.toString();
}

async function stop(t: ExecutionContext, cli: Cli): Promise<JsonLine[]> {
  cli.kill('SIGTERM');
  const { code, stdout, stderr } = await cli.finished;
  t.is(code, 0, stderr);
  return jsonLines(stdout);
}

test('blocks and forks go through a relay to whoever follows it, and all three stores end equal', async (t) => {
  const dir = tempDir(t);
  const [dataA, dataB, dataC] = [join(dir, 'a'), join(dir, 'b'), join(dir, 'c')];
  const first = sealedChain(30);
  const a = await serve(t, dataA, '--ingest', '-');
  a.cli.stdin.write(ndjson(first));
  await a.cli.waitFor(headIs(29));
  const b = await serve(t, dataB, '--peer', a.url);
  await b.cli.waitFor(isStep('serving'));
  const c = new Cli(t, ['sync', '--peer', b.url, '--data', dataC, '--follow', '--json']);
  await c.waitFor(headIs(29));

  const { head } = await status(a.url);
  const more = blocksOn(head, 5, 'more');
  a.cli.stdin.write(ndjson(more));
  await c.waitFor(headIs(34));
  const parent = JSON.parse(Buffer.from(first[24] ?? []).toString()) as BlockRef;
  a.cli.stdin.write(ndjson(blocksOn({ height: 24, hash: parent.hash }, 20, 'second')));
  const rollback = await c.waitFor(({ event }) => event === 'rollback');
  t.like(rollback, { to: { height: 24 } });
  await c.waitFor(headIs(44));

  for (const cli of [c, b.cli, a.cli]) await stop(t, cli);
  const expected = await exported(t, dataA);
  t.is(expected.split('\n').length, 46);
  t.is(await exported(t, dataB), expected);
  t.is(await exported(t, dataC), expected);
});

test('a relay whose peers are down serves what its store holds', async (t) => {
  const dir = tempDir(t);
  await makeStore(join(dir, 'b'), sealedChain(12));
  const { cli, url } = await serve(t, join(dir, 'b'), '--peer', NOBODY);
  t.is((await status(url)).head?.height, 11);
  const synced = await run(['sync', '--peer', url, '--data', join(dir, 'c')]);
  t.is(synced.code, 0, synced.stderr);
  t.is(await exported(t, join(dir, 'c')), ndjson(sealedChain(12)).toString());
  t.like((await stop(t, cli)).at(-1), { event: 'done', ok: true, head: { height: 11 } });
});

test('an empty relay answers 503 with Retry-After until a peer has told the chain', async (t) => {
  const line = await serveChain(t, await sourceChain(t, 6));
  line.cut();
  const { cli, url } = await serve(t, join(tempDir(t), 'b'), '--peer', line.url);
  for (const route of ['status', 'stream?from_height=0', 'json?from=0&to=1', 'snapshot']) {
    const response = await fetch(`${url}/sync/${route}`);
    t.is(response.status, 503, route);
    t.regex(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    t.is(response.headers.get('content-type'), 'application/problem+json');
    t.like(await response.json(), { status: 503, code: 'SERVER_BUSY' });
  }
  line.mend();
  await cli.waitFor(headIs(5));
  t.is((await status(url)).head?.height, 5);
  await stop(t, cli);
});

test('an empty relay whose rules are configured serves an empty chain at once', async (t) => {
  const { cli, url } = await serve(t, join(tempDir(t), 'b'), '--peer', NOBODY, '--chain', 'sealed-json');
  t.is((await status(url)).head, null);
  await stop(t, cli);
});

test('SIGTERM ends a relay that waits for its first peer, with status 0', async (t) => {
  const { cli } = await serve(t, join(tempDir(t), 'b'), '--peer', NOBODY);
  t.like((await stop(t, cli)).at(-1), { event: 'done', ok: true, exitCode: 0 });
});

test('a follower of a relay that is itself still syncing gets each block once, in order', async (t) => {
  const dir = tempDir(t);
  const documents = sealedChain(300);
  let goOn = (): void => undefined;
  const halfway = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const origin = await plainServer(t, (fromHeight, response) => {
    send(response, documents.slice(0, 100), fromHeight);
    void halfway.then(() => {
      send(response, documents, Math.max(fromHeight, 100));
    });
  });
  const b = await serve(t, join(dir, 'b'), '--peer', origin, '--mode', 'stream');
  await b.cli.waitFor(headIs(99));
  const c = new Cli(t, ['sync', '--peer', b.url, '--data', join(dir, 'c'), '--follow', '--json']);
  await c.waitFor(({ event, header }) => event === 'block' && (header as BlockRef).height >= 50);
  goOn();
  await c.waitFor(headIs(299));
  const heights = (await stop(t, c))
    .filter(({ event }) => event === 'block')
    .map(({ header }) => (header as BlockRef).height);
  t.deepEqual(heights, [...documents.keys()]);
  await stop(t, b.cli);
});

test('what a lying peer alters is never served, and the peer is asked again in time', async (t) => {
  const dir = tempDir(t);
  const documents = sealedChain(20);
  let isHonest = false;
  const origin = await plainServer(t, (fromHeight, response) => {
    send(
      response,
      documents.map((document, height) => (isHonest || height !== 10 ? document : flipped(document))),
      fromHeight,
    );
  });
  const { cli, url } = await serve(t, join(dir, 'b'), '--peer', origin, '--mode', 'stream');
  const told = await cli.waitFor(({ event }) => event === 'retry');
  t.like(told, { error: { code: 'HASH_MISMATCH', height: 10 } });
  const { status, body } = await answered(`${url}/sync/json?from=0&to=19`);
  t.is(status, 200, body);
  t.is((JSON.parse(body) as unknown[]).length, 10);
  isHonest = true;
  await cli.waitFor(headIs(19));
  t.is((await served(url)).head?.height, 19);
  await stop(t, cli);
});

test('a fork below what is final ends a relay with status 1, since its operator has to judge it', async (t) => {
  const source = await sourceChain(t, 20);
  const { url } = await serveChain(t, source);
  const { cli } = await serve(t, join(tempDir(t), 'b'), '--peer', url, '--finality-depth', '8');
  await cli.waitFor(isStep('following'));
  await fork(source, 10, 20, 'second');
  const { code, stdout, stderr } = await cli.finished;
  t.is(code, 1);
  t.regex(stderr, /BELOW_FINALIZED/);
  t.like(jsonLines(stdout).at(-1), { event: 'done', exitCode: 1, head: { height: 19 } });
});

test('--peer does not go with --ingest, and what says how to sync does not go without --peer', async (t) => {
  const base = ['serve', '--data', join(tempDir(t), 'b'), '--port', '0'];
  t.is((await run([...base, '--peer', NOBODY, '--ingest', '-'])).code, 2);
  t.is((await run([...base, '--mode', 'stream'])).code, 2);
  t.is((await run([...base, '--codec', 'gzip'])).code, 2);
  t.is((await run([...base, '--stale-after', '60'])).code, 2);
  t.is((await run([...base, '--peer', NOBODY, '--agree', '2'])).code, 2);
});

/**
 * Asks until there is an answer. Between one engine and the next the store is open to nobody: the answer is 503 for a
 * moment, and one that was begun just before is cut.
 */
async function answered(url: string): Promise<{ readonly status: number; readonly body: string }> {
  for (;;) {
    try {
      const response = await fetch(url);
      const body = await response.text();
      if (response.status !== 503) return { status: response.status, body };
    } catch (error) {
      if (!(error instanceof TypeError) || error.message !== 'terminated') throw error;
    }
  }
}

/** Writes the blocks of a chain from a height on, and leaves the stream open. */
function send(response: ServerResponse, documents: readonly Uint8Array[], fromHeight: number): void {
  for (const [height, document] of documents.entries())
    if (height >= fromHeight) response.write(blockEvent(height, document));
}

/** The document with another note in its payload: still well-formed, with a hash that isn't its own. */
function flipped(document: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(document).toString().replace('Zoë', 'Zoe'));
}

/** The status as soon as the relay is between no two engines. */
async function served(url: string): Promise<{ readonly head: BlockRef | null }> {
  for (;;) {
    const response = await fetch(`${url}/sync/status`);
    if (response.ok) return (await response.json()) as { head: BlockRef | null };
    await response.arrayBuffer();
  }
}
