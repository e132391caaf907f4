import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { SyncError } from '../../src/errors/index.js';
import { printable } from '../../src/errors/printable.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { type Finished, jsonLines } from './cli.js';
import { run } from './in-process.js';
import { makeStore } from './stores.js';

/** Sets a title, clears the screen, forges a line, turns the direction of writing. */
const HOSTILE = 'x\u001b]0;PWNED\u0007\u001b[2J\nFAKE: all verified\r\u009b31m\u202e\u2066\u200f\u061c\u2028';
/** Everything that a terminal obeys or hides, but for the line end. */
const OBEYED = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const MAX_LINE_CHARACTERS = 2_100;

/** What a command printed holds the hostile text, escaped and on lines that nobody forged. */
function isHarmless(t: ExecutionContext, { stdout, stderr }: Finished, shows = '\\u202e'): void {
  const text = stdout.toString() + stderr;
  t.true(text.includes(shows), text);
  t.notRegex(text, OBEYED);
  t.notRegex(text, /^FAKE/m);
  for (const line of text.split('\n'))
    t.true(line.length <= MAX_LINE_CHARACTERS, `${line.length} characters`);
}

function statusOf(hash: string): object {
  return {
    ...{ protocol: 1, chain: 'sealed-json', chainId: null, base: 0, finalized: { height: 3, hash } },
    ...{ head: { height: 5, hash }, snapshots: [], signers: [hash], software: hash },
    ...{ endpoints: { stream: { codecs: ['gzip'] } }, limits: {} },
  };
}

test('the status of a hostile peer is shown escaped, and as JSON is the same text', async (t) => {
  const peer = await listen(t, (_request, response) => response.end(JSON.stringify(statusOf(HOSTILE))));
  const shown = await run(['status', '--peer', peer]);
  t.is(shown.code, 0, shown.stderr);
  isHarmless(t, shown);
  t.is(shown.stdout.toString().trimEnd().split('\n').length, 5);
  const asJson = await run(['status', '--peer', peer, '--json']);
  t.notRegex(asJson.stdout.toString(), OBEYED);
  t.like(jsonLines(asJson.stdout).at(-1), { event: 'done', head: { height: 5, hash: HOSTILE } });
});

test('the body of a hostile error is one bounded line', async (t) => {
  const peer = await listen(t, (_request, response) => {
    const problem = { code: HOSTILE, title: HOSTILE, detail: HOSTILE + 'a'.repeat(10_000) };
    response.writeHead(400, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
  });
  for (const json of [[], ['--json']]) {
    const failed = await run(['sync', '--peer', peer, '--data', join(tempDir(t), 'b'), ...json]);
    t.is(failed.code, 1);
    isHarmless(t, failed, 'PWNED');
  }
});

test('a hostile manifest is told of escaped, and a long signer does not hide that it is not valid', async (t) => {
  const dir = tempDir(t);
  const [store, key] = [join(dir, 'a'), join(dir, 'key')];
  await makeStore(store, sealedChain(5));
  await run(['keygen', '--out', key]);
  const made = await run(['snapshot', 'create', '--data', store, '--key', key, '--json']);
  const id = jsonLines(made.stdout).at(-1)?.['id'] as string;
  const file = join(store, 'snapshots', id, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { signatures: object[] };
  const signer = HOSTILE + 'k'.repeat(200);
  const altered = { ...manifest, blockHash: HOSTILE };
  writeFileSync(file, JSON.stringify({ ...altered, signatures: [{ signer, signature: HOSTILE }] }));
  const inspected = await run(['snapshot', 'inspect', file]);
  t.is(inspected.code, 0, inspected.stderr);
  isHarmless(t, inspected);
  t.regex(inspected.stdout.toString(), /^signed by: .*\(NOT VALID\)$/m);
  isHarmless(t, await run(['snapshot', 'sign', file, '--key', key]));
});

test('a chain file with hostile hashes, under a hostile name, is told of escaped', async (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'chain\u202e\u001b[2J\nFAKE.ndjson');
  const rules = ['--chain', 'linked:n,h,p'];
  const block = (n: number, p: string): string => JSON.stringify({ n, h: `${n}\u202e\u2066\u009b`, p });
  writeFileSync(file, `${block(0, '0')}\n${block(1, '0\u202e\u2066\u009b')}\n`);
  const data = join(dir, 'a');
  const imported = await run(['import', '--data', data, ...rules, file]);
  // These rules take no such hashes: that is told, and not by showing them.
  t.is(imported.code, 1);
  isHarmless(t, imported, 'BLOCK_MALFORMED');
  const missing = await run(['import', '--data', join(dir, 'b'), `${file}.missing`]);
  t.is(missing.code, 1);
  isHarmless(t, missing);
  isHarmless(t, await run(['import', '--data', join(dir, 'b'), file, HOSTILE, `--no\u202e`]));
});

test('a line is bounded, and its end is kept', (t) => {
  const line = printable(`a${'\u202e'.repeat(100_000)}z`);
  t.true(line.startsWith('a\\u202e') && line.endsWith('\\u202ez'));
  t.true(line.length <= MAX_LINE_CHARACTERS);
  t.is(printable('Ada’s 块, 10 %'), 'Ada’s 块, 10 %');
});

test('the message of an error is one such line, for the logs of a host', (t) => {
  const error = new SyncError('PEER_REFUSED', `The peer has ${HOSTILE}.`);
  t.notRegex(error.message, OBEYED);
  t.false(error.message.includes('\n'));
  t.notRegex(error.stack ?? '', /^FAKE/m);
  t.true(new SyncError('PEER_REFUSED', 'a'.repeat(100_000)).message.length <= MAX_LINE_CHARACTERS);
});
