import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';

const PROGRAM = join(projectRoot, 'dist', 'examples', 'produce.js');

interface Answer {
  readonly status: number;
  readonly blocks: readonly { readonly height: number; readonly hash: string; readonly isRepeat: boolean }[];
}

async function started(t: ExecutionContext, location: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [PROGRAM, location, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { url, child };
}

async function post(url: string, type: string, body: string | Buffer, key?: string): Promise<Answer> {
  const headers = { 'content-type': type, ...(key === undefined ? {} : { 'idempotency-key': key }) };
  const response = await fetch(`${url}/records`, { method: 'POST', headers, body });
  return { blocks: [], ...((await response.json()) as object), status: response.status };
}

test('the program of the documentation that produces takes records and batches, and repeats store nothing', async (t) => {
  const location = join(tempDir(t), 'ledger');
  const { url, child } = await started(t, location);
  const json = 'application/json';
  const first = await post(url, json, '{"value":1.0}', 'a');
  t.deepEqual([first.status, first.blocks.map(({ height }) => height)], [201, [0]]);
  const batch = await post(url, 'application/x-ndjson', '{"value":2}\r\n{"height":3}\n', 'b');
  t.deepEqual([batch.status, batch.blocks.map(({ height }) => height)], [201, [1, 2]]);
  const many = await Promise.all(Array.from({ length: 50 }, (_, at) => post(url, json, `{"at":${at}}`)));
  t.is(new Set(many.flatMap(({ blocks }) => blocks.map(({ height }) => height))).size, 50);
  t.is((await post(url, json, '{"value":7}', 'a')).status, 422);
  t.is((await post(url, json, '{"value":\n7}')).status, 400);
  t.is((await post(url, 'text/plain', 'x')).status, 400);
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'exit'), [0, null]);
  const again = await started(t, location);
  const repeat = await post(again.url, json, '{"value":1.0}', 'a');
  t.deepEqual(repeat, { status: 200, blocks: first.blocks.map((block) => ({ ...block, isRepeat: true })) });
  const read = await fetch(`${again.url}/records/0`);
  t.regex(await read.text(), /^\{"hash":"[0-9a-f]{64}","height":0,"previousHash":"0{64}","value":1\.0\}$/);
  t.regex(await (await fetch(`${again.url}/records/2`)).text(), /,"record":\{"height":3\}\}$/);
  t.is((await fetch(`${again.url}/records/99`)).status, 404);
  const status = (await (await fetch(`${again.url}/sync/status`)).json()) as { head: { height: number } };
  t.is(status.head.height, 52);
});

test('the program refuses what is no record, or too many of them, tells nobody its stack, and ends while a node follows', async (t) => {
  const { url, child } = await started(t, join(tempDir(t), 'ledger'));
  const type = 'application/x-ndjson';
  t.is((await post(url, type, '{}\n'.repeat(1001))).status, 400);
  t.is((await post(url, type, `${'{}\n'.repeat(1000)}\n`)).status, 400, 'blank lines count');
  t.is((await post(url, type, '{}\n'.repeat(1000))).blocks.length, 1000);
  const broken = Buffer.from('{"a":"\xff"}\n', 'latin1');
  t.is((await post(url, type, broken)).status, 400, 'no UTF-8');
  t.is((await post(url, 'application/json', ' '.repeat(9_000_000))).status, 413);
  const odd = await fetch(`${url}/records/%ff`);
  t.is(odd.status, 400);
  t.notRegex(await odd.text(), /node_modules/);
  const stream = await fetch(`${url}/sync/stream?from_height=0`);
  t.is(stream.status, 200);
  const read = stream.text().catch(() => '');
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'exit'), [0, null]);
  await read;
});
