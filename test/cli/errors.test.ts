import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { freePort } from '../helpers/free-port.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { blockEvent, completeEvent, listen, plainServer } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { type Finished, jsonLines, serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore, storedLines } from './stores.js';

const chain = sealedChain(30);
const encoder = new TextEncoder();

/** Block 12 of the chain with one letter of its records changed. */
function altered(): Uint8Array {
  const document = chain[12] ?? new Uint8Array();
  return encoder.encode(new TextDecoder().decode(document).replace('Observation', 'observation'));
}

const at = (place: number, line: Uint8Array): Buffer =>
  ndjson([...chain.slice(0, place), line, ...chain.slice(place + 1)]);

const BAD_LINES: readonly [title: string, input: Buffer, code: string, height: number][] = [
  ['an altered block', at(12, altered()), 'HASH_MISMATCH', 12],
  ['a block twice', at(12, chain[11] ?? encoder.encode('')), 'HEIGHT_MISMATCH', 12],
  ['a missing block', ndjson([...chain.slice(0, 12), ...chain.slice(13)]), 'HEIGHT_GAP', 12],
  ['a line that is no JSON', at(12, encoder.encode('no block')), 'BLOCK_MALFORMED', 12],
  [
    'white space at the end of a line',
    at(12, Buffer.concat([chain[12] ?? Buffer.of(), Buffer.of(0x20)])),
    'BLOCK_MALFORMED',
    12,
  ],
  ['a line beyond the limit', at(12, new Uint8Array(3000).fill(0x20)), 'BLOCK_TOO_LARGE', 12],
];

for (const [title, input, code, height] of BAD_LINES) {
  test(`import stops at ${title} with ${code}, and everything before it is stored`, async (t) => {
    const data = join(tempDir(t), 'a');
    const args = ['import', '--data', data, '--max-block-bytes', '2500', '-'];
    const { code: status, stdout, stderr } = await run([...args, '--json'], input);
    t.is(status, 1);
    t.true(stderr.startsWith(`${code}: `), stderr);
    t.true(stderr.includes(`lock ${height}`), stderr);
    t.true(stderr.trimEnd().split('\n').length <= 2);
    const events = jsonLines(stdout);
    t.like(events.at(-2), { event: 'error', code, height });
    t.like(events.at(-1), { event: 'done', ok: false, exitCode: 1, blocks: 12, head: { height: 11 } });
    t.true(ndjson(chain.slice(0, 12)).equals(await storedLines(data)));
  });
}

function failed(t: { is: (a: unknown, b: unknown) => unknown; regex: (a: string, b: RegExp) => unknown }) {
  return (result: Finished, code: string): void => {
    t.is(result.code, 1);
    t.regex(result.stderr, new RegExp(`^${code}: .+\\n.+\\n$`));
  };
}

test('a store that is not there, is none, or is in use is named as such', async (t) => {
  const dir = tempDir(t);
  const expect = failed(t);
  for (const command of ['serve', 'export', 'verify', 'status']) {
    expect(await run([command, '--data', join(dir, 'missing')]), 'STORE_NOT_FOUND');
  }
  mkdirSync(join(dir, 'other'));
  writeFileSync(join(dir, 'other', 'letter.txt'), 'Dear reader');
  for (const command of ['serve', 'status']) {
    expect(await run([command, '--data', join(dir, 'other')]), 'STORE_NOT_RECOGNIZED');
  }
  expect(await run(['import', '--data', join(dir, 'other'), '-'], ndjson(chain)), 'STORE_NOT_RECOGNIZED');
  await makeStore(join(dir, 'a'), chain);
  await serve(t, join(dir, 'a'));
  expect(await run(['export', '--data', join(dir, 'a')]), 'STORE_LOCKED');
});

test('an input that is not there makes no store', async (t) => {
  const dir = tempDir(t);
  failed(t)(await run(['import', '--data', join(dir, 'a'), join(dir, 'missing')]), 'INPUT_UNREADABLE');
  failed(t)(await run(['verify', '--data', join(dir, 'a')]), 'STORE_NOT_FOUND');
});

test('other rules than those a store was made with are CHAIN_MISMATCH', async (t) => {
  const data = join(tempDir(t), 'a');
  await makeStore(data, chain.slice(0, 10));
  const args = ['import', '--data', data, '--chain', 'linked:height,hash,previousHash', '-'];
  failed(t)(await run(args, ndjson(chain.slice(10))), 'CHAIN_MISMATCH');
  failed(t)(await run(['serve', '--data', data, '--chain', 'ethereum']), 'CHAIN_MISMATCH');
});

test('a port that is taken is PORT_IN_USE', async (t) => {
  const data = join(tempDir(t), 'a');
  await makeStore(data, chain);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  failed(t)(await run(['serve', '--data', data, '--port', String(port)]), 'PORT_IN_USE');
});

test('a peer that is down is PEER_UNREACHABLE within seconds', async (t) => {
  const peer = `http://127.0.0.1:${await freePort()}`;
  failed(t)(await run(['sync', '--peer', peer, '--data', join(tempDir(t), 'b')]), 'PEER_UNREACHABLE');
  failed(t)(await run(['status', '--peer', peer]), 'PEER_UNREACHABLE');
});

test('a server without a sync service and a web page are told apart', async (t) => {
  const notFound = await listen(t, (_request, response) => {
    response.writeHead(404).end();
  });
  const page = await listen(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>');
  });
  const data = join(tempDir(t), 'b');
  failed(t)(await run(['sync', '--peer', notFound, '--data', data]), 'PEER_NOT_FOUND');
  failed(t)(await run(['status', '--peer', notFound]), 'PEER_NOT_FOUND');
  failed(t)(await run(['sync', '--peer', page, '--data', data]), 'PEER_NOT_SYNC');
  failed(t)(await run(['status', '--peer', page]), 'PEER_NOT_SYNC');
});

test('a peer with another chain is CHAIN_MISMATCH or FORKED and changes nothing', async (t) => {
  const dir = tempDir(t);
  const [a, b] = [join(dir, 'a'), join(dir, 'b')];
  await makeStore(
    a,
    sealedChain(40, (height) => ({ other: height })),
  );
  await makeStore(b, chain);
  const { url } = await serve(t, a);
  failed(t)(await run(['sync', '--peer', url, '--data', b]), 'CHAIN_MISMATCH|FORKED');
  t.true(ndjson(chain).equals(await storedLines(b)));
});

test('an altered block is named with its height, and the good peer behind it is used', async (t) => {
  const dir = tempDir(t);
  const liar = await plainServer(t, (from, response) => {
    for (const [height, document] of chain.entries()) {
      if (height >= from) response.write(blockEvent(height, height === 12 ? altered() : document));
    }
    response.end(completeEvent({ height: 29 }));
  });
  const alone = await run(['sync', '--peer', liar, '--data', join(dir, 'b')]);
  failed(t)(alone, 'HASH_MISMATCH');
  t.regex(alone.stderr, /block 12\b/i);
  t.true(ndjson(chain.slice(0, 12)).equals(await storedLines(join(dir, 'b'))));
  await makeStore(join(dir, 'a'), chain);
  const { url } = await serve(t, join(dir, 'a'));
  const both = await run(['sync', '--peer', liar, '--peer', url, '--data', join(dir, 'b'), '--json']);
  t.is(both.code, 0, both.stderr);
  t.true(jsonLines(both.stdout).some(({ event, status }) => event === 'peer' && status === 'dropped'));
  t.true(ndjson(chain).equals(await storedLines(join(dir, 'b'))));
});

test('control characters that a peer sends do not reach the terminal', async (t) => {
  const evil = await plainServer(t, (_from, response) => {
    response.end('event: error\ndata: {"error":"\\u001b[2Jgone\\u0007","code":"INTERNAL"}\n\n');
  });
  const { stderr } = await run(['sync', '--peer', evil, '--data', join(tempDir(t), 'b')]);
  t.notRegex(stderr, /[\u0000-\u0009\u000b-\u001f\u007f]/);
});

test('a line of a token file that is none is named, with what to do and without the token', async (t) => {
  const file = join(tempDir(t), 'tokens');
  writeFileSync(file, 'hospital-1 0123456789abcdef\nhospital-2 s3cret\n');
  const { code, stderr } = await run(['serve', '--data', tempDir(t), '--token-file', file]);
  t.is(code, 1);
  t.regex(
    stderr,
    /^INPUT_MALFORMED: Line 2 of .*tokens is not NAME TOKEN.*\nCorrect what the message names\.$/m,
  );
  t.notRegex(stderr, /s3cret|permissions/);
});
