import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { blockEvent, completeEvent, plainServer } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { Cli, jsonLines, serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore, storedLines } from './stores.js';

const chain = sealedChain(200);

/** A server that sends a block every few milliseconds, and the heights it was asked to start from. */
async function slowServer(t: ExecutionContext): Promise<{ url: string; starts: number[] }> {
  const starts: number[] = [];
  const url = await plainServer(t, (from, response) => {
    starts.push(from);
    void (async () => {
      for (let height = from; height < chain.length && !response.destroyed; height++) {
        response.write(blockEvent(height, chain[height] ?? new Uint8Array()));
        await sleep(5);
      }
      response.end(completeEvent({ height: chain.length - 1 }));
    })();
  });
  return { url, starts };
}

async function get(url: string): Promise<IncomingMessage> {
  const [response] = (await once(httpGet(url), 'response')) as [IncomingMessage];
  return response;
}

/** The rest of a body; rejects when it breaks off. */
async function textOf(response: IncomingMessage): Promise<string> {
  return Buffer.concat(await response.toArray()).toString();
}

const durable =
  (height: number) =>
  ({ event, head }: { readonly event: string; readonly head?: unknown }): boolean =>
    event === 'checkpoint' && (head as { height: number }).height >= height;

test('a node that is killed again and again goes on where it stood and ends with the same bytes', async (t) => {
  const data = join(tempDir(t), 'b');
  const { url, starts } = await slowServer(t);
  for (const height of [20, 60, 110, 150]) {
    const cli = new Cli(t, ['sync', '--peer', url, '--data', data, '--json']);
    await cli.waitFor(durable(height));
    cli.kill('SIGKILL');
    t.is((await cli.finished).code, null);
  }
  t.is((await run(['sync', '--peer', url, '--data', data])).code, 0);
  t.is(starts[0], 0);
  t.true(
    [20, 60, 110, 150].every((height, index) => (starts[index + 1] ?? 0) > height),
    String(starts),
  );
  t.true(ndjson(chain).equals(await storedLines(data)));
});

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} stops a sync cleanly with the status ${status}`, async (t) => {
    const data = join(tempDir(t), 'b');
    const { url } = await slowServer(t);
    const cli = new Cli(t, ['sync', '--peer', url, '--data', data, '--json']);
    await cli.waitFor(durable(10));
    cli.kill(signal);
    const { code, stdout, stderr } = await cli.finished;
    t.is(code, status);
    t.is(stderr, '');
    const last = jsonLines(stdout).at(-1);
    t.like(last, { event: 'done', ok: false, exitCode: status });
    const { height } = last?.['head'] as { height: number };
    t.true(ndjson(chain.slice(0, height + 1)).equals(await storedLines(data)));
  });
}

test('an import that is interrupted says so, and how far it came', async (t) => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const data = join(tempDir(t), 'a');
    const cli = new Cli(t, ['import', '--data', data, '-']);
    cli.stdin.write(ndjson(chain.slice(0, 25)));
    // Whoever makes a store listens to signals already.
    await until(() => existsSync(data));
    cli.kill(signal);
    const { code, stdout } = await cli.finished;
    t.is(code, status);
    t.regex(
      stdout.toString(),
      /^Interrupted with [\d.]+ k?B read: imported \d+ blocks?; the store is (?:empty|at block \d+ \()/,
    );
  }
});

test('a command that has nothing else to tell says that it was interrupted', async (t) => {
  const data = join(tempDir(t), 'a');
  await makeStore(data, sealedChain(40, noise));
  const cli = new Cli(t, ['export', '--data', data]);
  await cli.waitForText('"height":0');
  cli.kill('SIGINT');
  const { code, stderr } = await cli.finished;
  t.is(code, 130);
  t.is(stderr, 'Interrupted before it was done.\n');
});

test('SIGINT stops an import that waits for its input, and what came before is stored', async (t) => {
  const data = join(tempDir(t), 'a');
  const cli = new Cli(t, ['import', '--data', data, '--json', '-']);
  cli.stdin.write(ndjson(chain.slice(0, 25)));
  await cli.waitFor(durable(24));
  cli.kill('SIGINT');
  const { code, stdout } = await cli.finished;
  t.is(code, 130);
  t.like(jsonLines(stdout).at(-1), { event: 'done', interrupted: true, blocks: 25 });
  t.true(ndjson(chain.slice(0, 25)).equals(await storedLines(data)));
});

test('an import that is killed has stored a whole number of blocks', async (t) => {
  const data = join(tempDir(t), 'a');
  const cli = new Cli(t, ['import', '--data', data, '--json', '-']);
  const lines = ndjson(chain);
  cli.stdin.write(lines.subarray(0, 40_000));
  await cli.waitFor(durable(0));
  cli.kill('SIGKILL');
  await cli.finished;
  const { stdout } = await run(['export', '--data', data]);
  t.true(stdout.length > 0 && lines.subarray(0, stdout.length).equals(stdout));
  t.is((await run(['import', '--data', data, '-'], lines.subarray(stdout.length))).code, 0);
});

/** Half a megabyte that gzip can't make much smaller. */
function noise(height: number): object {
  const hash = createHash('shake256', { outputLength: 256 * 1024 });
  return { noise: hash.update(String(height)).digest('hex') };
}

for (const [signal, status] of [
  ['SIGTERM', 0],
  ['SIGINT', 130],
] as const) {
  test(`${signal} stops a server while a client holds a stream open and takes nothing of it`, async (t) => {
    const data = join(tempDir(t), 'a');
    await makeStore(data, sealedChain(40, noise));
    const { cli, url } = await serve(t, data);
    const client = connect(Number(new URL(url).port), '127.0.0.1');
    t.teardown(() => client.destroy());
    client.on('error', () => undefined);
    client.write('GET /sync/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(client, 'readable');
    cli.kill(signal);
    const { code, stdout, stderr } = await cli.finished;
    t.is(code, status);
    t.is(stderr, '');
    t.is(jsonLines(stdout).at(-1)?.event, 'done');
    t.is((await run(['verify', '--data', data])).code, 0);
  });
}

/** Whether a server takes no more requests: it is ending. */
async function refuses(url: string): Promise<boolean> {
  try {
    return !(await fetch(url)).ok;
  } catch {
    return true;
  }
}

test('SIGTERM lets a range that is being sent end, and ends a stream behind an event', async (t) => {
  const data = join(tempDir(t), 'a');
  await makeStore(data, sealedChain(40, noise));
  const { cli, url } = await serve(t, data);
  const [range, stream] = await Promise.all([
    get(`${url}/sync/json?from=0&to=39`),
    get(`${url}/sync/stream`),
  ]);
  await Promise.all([once(range, 'readable'), once(stream, 'readable')]);
  cli.kill('SIGTERM');
  // The buffers on the way are far smaller than what is left.
  await until(() => refuses(`${url}/sync/status`));
  const [blocks, events] = await Promise.all([textOf(range), textOf(stream)]);
  t.is((JSON.parse(blocks) as unknown[]).length, 40);
  t.true(events.endsWith('\n\n'), events.slice(-80));
  t.true((events.match(/^event: block$/gm) ?? []).length < 40);
  const { code, stderr } = await cli.finished;
  t.is(code, 0);
  t.is(stderr, '');
});

test('export ends quietly when its reader goes away', async (t) => {
  const data = join(tempDir(t), 'a');
  await makeStore(data, sealedChain(10, noise));
  const cli = new Cli(t, ['export', '--data', data]);
  cli.closeStdout();
  const { code, stderr } = await cli.finished;
  t.is(stderr, '');
  t.is(code, 0);
});
