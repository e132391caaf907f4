import test from 'ava';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen, serveSource } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { jsonLines, run } from './cli.js';
import { makeStore } from './stores.js';

test('a healthy peer and store are found to be so', async (t) => {
  const url = await serveSource(t, new MemorySource(sealedChain(3)));
  const data = tempDir(t);
  await makeStore(data, sealedChain(2));
  const { code, stdout, stderr } = await run(t, ['doctor', '--peer', url, '--data', data, '--json']);
  t.is(code, 0, stderr);
  const checks = jsonLines(stdout).at(-1)?.['checks'] as readonly { what: string; state: string }[];
  t.deepEqual(
    checks.filter(({ what }) => what !== 'disk').map(({ what, state }) => `${what} ${state}`),
    ['peer ok', 'clock ok', 'stream ok', 'store ok'],
  );
  const text = (await run(t, ['doctor', '--peer', url])).stdout.toString();
  t.regex(text, /^ok {3}peer: http:.* answered within \d+ ms; block 2/m);
});

/** Passes requests on, with the answer changed. */
async function front(
  t: Parameters<typeof listen>[0],
  change: (path: string, headers: Headers) => Promise<void>,
): Promise<string> {
  const inner = await serveSource(t, new MemorySource(sealedChain(3)));
  return listen(t, (request, response) => {
    const abort = new AbortController();
    response.once('close', () => {
      abort.abort();
    });
    void (async () => {
      const answer = await fetch(inner + (request.url ?? ''), {
        method: request.method ?? 'GET',
        signal: abort.signal,
      });
      const headers = new Headers(answer.headers);
      headers.delete('content-encoding');
      headers.delete('content-length');
      await change(request.url ?? '', headers);
      response.writeHead(answer.status, Object.fromEntries(headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    })().catch(() => undefined);
  });
}

test('what is wrong is named with the way out', async (t) => {
  const gone = await run(t, ['doctor', '--peer', 'http://127.0.0.1:1']);
  t.is(gone.code, 1);
  t.regex(gone.stdout.toString(), /^FAIL peer: PEER_UNREACHABLE: .*\n {5}\S/m);
  const missing = await run(t, ['doctor', '--data', tempDir(t)]);
  t.regex(missing.stdout.toString(), /^FAIL store: STORE_NOT_FOUND/m);
  t.is(missing.code, 1);
  const refusing = await listen(t, (_request, response) => response.writeHead(401).end());
  const refused = await run(t, ['doctor', '--peer', refusing]);
  t.regex(refused.stdout.toString(), /^FAIL peer: PEER_UNAUTHORIZED.*\n {5}.*--header-file/m);
  const late = await front(t, (_path, headers) => {
    headers.set('date', new Date(Date.now() - 3_600_000).toUTCString());
    return Promise.resolve();
  });
  const clock = await run(t, ['doctor', '--peer', late]);
  t.regex(clock.stdout.toString(), /^WARN clock: that of .* is 36\d\d s from this one\n {5}Set the clocks/m);
});

test('a proxy that holds streams back until they end is told of', async (t) => {
  // The body of a stream that is followed does not end, so that the whole of it never comes.
  const buffering = await front(t, () => Promise.resolve());
  const { code, stdout } = await run(t, ['doctor', '--peer', buffering]);
  t.is(code, 0);
  t.regex(stdout.toString(), /^WARN stream: .* something on the way holds it back\n {5}Switch buffering/m);
});

test('without anything to look at it is wrong usage', async (t) => {
  t.is((await run(t, ['doctor'])).code, 2);
});
