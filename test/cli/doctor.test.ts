import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { PeerFault } from '../../src/testing/peer/fault.js';
import { faultInjector } from '../../src/testing/peer/injector.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen, serveSource } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { Cli, jsonLines, serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore } from './stores.js';

test('a healthy peer and store are found to be so', async (t) => {
  const url = await serveSource(t, new MemorySource(sealedChain(3)));
  const data = tempDir(t);
  await makeStore(data, sealedChain(2));
  const { code, stdout, stderr } = await run(['doctor', '--peer', url, '--data', data, '--json']);
  t.is(code, 0, stderr);
  const checks = jsonLines(stdout).at(-1)?.['checks'] as readonly { what: string; state: string }[];
  t.deepEqual(
    checks.filter(({ what }) => what !== 'disk').map(({ what, state }) => `${what} ${state}`),
    ['peer ok', 'clock ok', 'stream ok', 'store ok'],
  );
  const text = (await run(['doctor', '--peer', url])).stdout.toString();
  t.regex(text, /^ok {3}peer: http:.* answered within \d+ ms; block 2/m);
});

/** A line to a healthy peer, on which something goes wrong. */
async function front(t: ExecutionContext, fault: PeerFault): Promise<string> {
  const line = await faultInjector(await serveSource(t, new MemorySource(sealedChain(3))));
  t.teardown(() => line.close());
  line.inject(fault);
  return line.url;
}

test('what is wrong is named with the way out', async (t) => {
  const gone = await run(['doctor', '--peer', 'http://127.0.0.1:1']);
  t.is(gone.code, 1);
  t.regex(gone.stdout.toString(), /^FAIL peer: PEER_UNREACHABLE: .*\n {5}\S/m);
  const missing = await run(['doctor', '--data', tempDir(t)]);
  t.regex(missing.stdout.toString(), /^FAIL store: STORE_NOT_FOUND/m);
  t.is(missing.code, 1);
  const refusing = await listen(t, (_request, response) => response.writeHead(401).end());
  const refused = await run(['doctor', '--peer', refusing]);
  t.regex(refused.stdout.toString(), /^FAIL peer: PEER_UNAUTHORIZED.*\n {5}.*--header-file/m);
  const date = new Date(Date.now() - 3_600_000).toUTCString();
  // HEAD is what the clock is read from; a stream that is followed has no end.
  const late = await front(t, { kind: 'lie', change: () => ({ headers: { date } }) });
  const clock = await run(['doctor', '--peer', late]);
  t.regex(clock.stdout.toString(), /^WARN clock: that of .* is 36\d\d s from this one\n {5}Set the clocks/m);
});

test('a proxy that holds streams back until they end is told of', async (t) => {
  // The body of a stream that is followed does not end, so that the whole of it never comes.
  const buffering = await front(t, { kind: 'buffer', hold: 'all' });
  const { code, stdout } = await run(['doctor', '--peer', buffering]);
  t.is(code, 0);
  t.regex(stdout.toString(), /^WARN stream: .* something on the way holds it back\n {5}Switch buffering/m);
});

test('without anything to look at it is wrong usage', async (t) => {
  t.is((await run(['doctor'])).code, 2);
});

/** What `doctor` says, with what differs from run to run taken out. */
function transcript(stdout: Buffer, places: Readonly<Record<string, string>>): string {
  let text = stdout.toString();
  for (const [name, place] of Object.entries(places)) text = text.replaceAll(place, name);
  return text
    .replace(/within \d+ ms/g, 'within N ms')
    .replace(/\b\d+ s from/g, 'N s from')
    .replace(/[\d.]+ [kMG]B are free/g, 'N GB are free')
    .replace(/[0-9a-f]{64}|[0-9a-f]{8,}…?/g, 'HASH');
}

test('the transcript of a set-up that is well, and of five that are not, says for each what to do', async (t) => {
  const dir = tempDir(t);
  const [good, damaged, served] = ['good', 'damaged', 'served'].map((name) => join(dir, name));
  if (good === undefined || damaged === undefined || served === undefined) return t.fail();
  for (const data of [good, damaged, served]) await makeStore(data, sealedChain(2));
  writeFileSync(join(damaged, 'db', 'CURRENT'), '');
  const peer = await serveSource(t, new MemorySource(sealedChain(3)));
  const node = await serve(t, served);
  const refusing = await listen(t, (_request, response) => response.writeHead(403).end());
  const html = await listen(t, (_request, response) =>
    response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>'),
  );
  const places = {
    PEER: `${peer}/sync`,
    REFUSING: `${refusing}/sync`,
    HTML: `${html}/sync`,
    DIR: dir,
    NODE: node.url,
  };
  const look = async (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> => {
    const cli = new Cli(t, ['doctor', ...args], { NO_COLOR: '1', HTTP_PROXY: '', HTTPS_PROXY: '', ...env });
    const { code, stdout } = await cli.finished;
    return `${transcript(stdout, places)}status ${code}`;
  };
  const well = [
    'ok   peer: PEER answered within N ms; block 2 (HASH)',
    'ok   clock: that of PEER is N s from this one',
    'ok   stream: PEER sends at once',
  ];
  const cases: readonly (readonly [
    readonly string[],
    readonly string[],
    Readonly<Record<string, string>>?,
  ])[] = [
    [
      ['--peer', peer, '--data', good],
      [...well, 'ok   store: it opens; block 1 (HASH)', 'ok   disk: N GB are free', 'status 0'],
    ],
    [
      ['--peer', peer, '--data', served],
      [
        ...well,
        'WARN store: another process has it open, as a node that runs does; its contents were not looked at',
        '     Ask its server with --peer, or look at a copy: `blockferry backup --data DIR/served COPY`, then --data COPY.',
        'ok   disk: N GB are free',
        'status 0',
      ],
    ],
    [
      ['--peer', refusing],
      [
        'FAIL peer: PEER_UNAUTHORIZED: REFUSING answered 403.',
        '     Check the name and the password in the address (https://NAME:PASSWORD@…), --header or --header-file.',
        'status 1',
      ],
    ],
    [
      ['--peer', html],
      [
        'FAIL peer: PEER_NOT_FOUND: HTML has no status document.',
        '     Check the path the service is mounted at.',
        'status 1',
      ],
    ],
    [
      ['--data', damaged],
      [
        'FAIL store: STORE_DAMAGED: The store at DIR/damaged is damaged: Corruption: CURRENT file does not end with newline',
        '     Restore a backup, or sync into a new directory; the old one is left as it is.',
        'status 1',
      ],
    ],
    [
      ['--peer', 'https://a.invalid'],
      [
        'ok   proxy: one is set by HTTPS_PROXY of the environment',
        'FAIL peer: PEER_UNREACHABLE: https://a.invalid/sync can not be reached: connect ECONNREFUSED 127.0.0.1:1; a proxy is set by HTTPS_PROXY of the environment: http://127.0.0.1:1.',
        '     Correct the proxy (HTTPS_PROXY of the environment); a peer that is reached without one belongs into NO_PROXY.',
        'status 1',
      ],
      { HTTPS_PROXY: 'http://127.0.0.1:1' },
    ],
  ];
  for (const [args, lines, env] of cases) {
    const said = (await look(args, env)).split('\n');
    // A machine whose disk is nearly full is told so.
    if (said.some((line) => line.startsWith('WARN disk'))) t.log('This machine has little room on its disk.');
    else t.deepEqual(said, lines);
  }
});
