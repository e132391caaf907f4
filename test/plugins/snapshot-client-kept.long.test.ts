import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { SnapshotManifest } from '../../src/contracts/index.js';
import { flipBit } from '../helpers/storage-disk.js';
import { smallDisk } from '../helpers/storage-small-disk.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import {
  blocksOf,
  client,
  download,
  honest,
  makeSnapshot,
  plainBlocks,
  problem,
  serveSnapshots,
  type RangeRequest,
} from './snapshot-client-support.js';

const here = dirname(fileURLToPath(import.meta.url));
const signal = new AbortController().signal;

/** Offsets of the parts that are on disk whole. */
function keptParts(directory: string, { id, parts }: SnapshotManifest): Set<number> {
  const path = join(directory, id, 'body');
  const body = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const kept = parts.filter(
    ({ offset, length, sha256 }) => hashOf(body.subarray(offset, offset + length)) === sha256,
  );
  return new Set(kept.map(({ offset }) => offset));
}

/** Offsets of the parts that requests were for. */
const askedFor = (ranges: readonly RangeRequest[], { parts }: SnapshotManifest): number[] =>
  parts
    .map(({ offset }) => offset)
    .filter((offset) => ranges.some(({ start, end }) => start <= offset && offset <= end));

test('after 20 kills of the process no verified part is fetched twice', async (t) => {
  const snapshot = makeSnapshot({ blocks: plainBlocks(1200, 40), partBytes: 200 });
  const { manifest } = snapshot;
  t.true(manifest.parts.length > 500);
  const directory = tempDir(t);
  let sent = 0;
  const server = await serveSnapshots(t, [snapshot], async ({ start, end }, response, bytes) => {
    response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${bytes.length}` });
    for (let at = start; at <= end; at += 300) {
      response.write(bytes.subarray(at, Math.min(at + 300, end + 1)));
      sent++;
      await pause(5);
    }
    response.end();
  });
  const run = (): ReturnType<typeof spawn> =>
    spawn(process.execPath, [join(here, 'snapshot-client-process.js'), server.peer.url, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  let kept = new Set<number>();
  for (let kill = 0; kill < 20; kill++) {
    const from = server.ranges.length;
    const due = sent + 6 + ((kill * 7) % 12);
    const child = run();
    // Now in the middle of what is under way, now when something has come to the disk.
    const enough = kept.size + 5;
    const isDue = (): boolean =>
      sent >= due && (kill % 2 === 0 || keptParts(directory, manifest).size >= enough);
    await until(() => isDue() || child.exitCode !== null);
    child.kill('SIGKILL');
    const [code, how] = (await once(child, 'exit')) as [number | null, string | null];
    t.is(how, 'SIGKILL', `run ${kill} ended by itself with ${code}`);
    const again = askedFor(server.ranges.slice(from), manifest).filter((offset) => kept.has(offset));
    t.deepEqual(again, [], `run ${kill} asked for parts that were there`);
    const now = keptParts(directory, manifest);
    t.true([...kept].every((offset) => now.has(offset)));
    kept = now;
  }
  t.true(kept.size > 40, `${kept.size} parts were kept`);
  const from = server.ranges.length;
  const child = run();
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  t.is(code, 0);
  const last = askedFor(server.ranges.slice(from), manifest);
  t.is(last.length, manifest.parts.length - kept.size);
  const lengths = manifest.parts.filter(({ offset }) => kept.has(offset)).map(({ length }) => length);
  const keptBytes = lengths.reduce((sum, length) => sum + length, 0);
  t.like(JSON.parse(printed), { begun: true, keptBytes, verifiedBytes: manifest.size });
  t.is(server.manifests.length, 1);
});

test('parts that are on disk are not fetched again, also with no peer left', async (t) => {
  const snapshot = makeSnapshot({ blocks: plainBlocks(40) });
  const { manifest } = snapshot;
  const directory = tempDir(t);
  const server = await serveSnapshots(t, [snapshot]);
  const first = await download(manifest, [server.peer], { directory });
  t.is(first.error, null);
  t.is(first.progress.at(-1)?.keptBytes, 0);
  const asked = server.ranges.length;
  const second = await download(manifest, [], { directory });
  t.is(second.error, null);
  t.deepEqual(blocksOf(second.items), plainBlocks(40));
  t.is(server.ranges.length, asked);
  t.deepEqual(second.progress.at(-1), {
    verifiedBytes: manifest.size,
    keptBytes: manifest.size,
    totalBytes: manifest.size,
    verifiedParts: manifest.parts.length,
    totalParts: manifest.parts.length,
  });
});

test('a part that was damaged on disk is fetched again, and only that', async (t) => {
  const snapshot = makeSnapshot({ blocks: plainBlocks(100) });
  const { manifest } = snapshot;
  const directory = tempDir(t);
  const server = await serveSnapshots(t, [snapshot]);
  await download(manifest, [server.peer], { directory });
  const body = join(directory, manifest.id, 'body');
  const [second, last] = [manifest.parts[1], manifest.parts.at(-1)];
  flipBit(body, (second?.offset ?? 0) + 20);
  truncateSync(body, manifest.size - 1);
  server.ranges.length = 0;
  const { error, items } = await download(manifest, [server.peer], { directory });
  t.is(error, null);
  t.deepEqual(blocksOf(items), plainBlocks(100));
  t.deepEqual(
    server.ranges.map(({ start, end }) => [start, end + 1 - start]).sort(([a = 0], [b = 0]) => a - b),
    [second, last].map((part) => [part?.offset, part?.length]),
  );
  t.is(keptParts(directory, manifest).size, manifest.parts.length);
});

test('an unfinished download is found again until it is forgotten', async (t) => {
  const snapshot = makeSnapshot({ blocks: plainBlocks(100) });
  const directory = join(tempDir(t), 'deep', 'below');
  const transport = client();
  t.is(await transport.begun(directory), null);
  await transport.forget(directory);
  const server = await serveSnapshots(t, [snapshot], (asked, response, bytes) => {
    if (asked.start > 0) problem(response, 410, 'NOT_TODAY');
    else honest(asked, response, bytes);
  });
  const { error } = await download(snapshot.manifest, [server.peer], { directory });
  t.is(error?.code, 'PEER_REFUSED');
  t.deepEqual(await transport.begun(directory), snapshot.manifest);
  t.true(keptParts(directory, snapshot.manifest).size > 0);
  await transport.forget(directory);
  t.is(await transport.begun(directory), null);
  t.deepEqual(readdirSync(directory), []);
});

test('a manifest on disk that was cut counts as none', async (t) => {
  const { manifest } = makeSnapshot();
  const directory = tempDir(t);
  const own = join(directory, manifest.id);
  mkdirSync(own);
  for (const text of [
    '',
    JSON.stringify(manifest).slice(0, -1),
    '{}',
    JSON.stringify({ ...manifest, id: 'x' }),
  ]) {
    writeFileSync(join(own, 'manifest.json'), text);
    t.is(await client().begun(directory), null);
  }
  writeFileSync(join(own, 'manifest.json'), JSON.stringify(manifest));
  t.deepEqual(await client().begun(directory), manifest);
});

test('a new download removes the one before it, and nothing that is not a download', async (t) => {
  const [old, next] = [makeSnapshot({ blocks: plainBlocks(9) }), makeSnapshot({ blocks: plainBlocks(10) })];
  const directory = tempDir(t);
  const foreign = [join(directory, 'photos'), join(directory, 'blocks')];
  for (const path of foreign) mkdirSync(path);
  writeFileSync(join(directory, 'photos', 'cat.jpeg'), 'a cat');
  writeFileSync(join(directory, 'blocks', 'manifest.json'), '{}');
  writeFileSync(join(directory, 'blocks', 'index.html'), '');
  writeFileSync(join(directory, 'body'), '');
  const server = await serveSnapshots(t, [old, next]);
  t.is((await download(old.manifest, [server.peer], { directory })).error, null);
  t.is((await download(next.manifest, [server.peer], { directory })).error, null);
  t.deepEqual(readdirSync(directory).sort(), ['blocks', 'body', 'photos', next.manifest.id].sort());
  t.deepEqual(await client().begun(directory), next.manifest);
  await client().forget(directory);
  t.deepEqual(readdirSync(directory).sort(), ['blocks', 'body', 'photos']);
  t.deepEqual(readdirSync(join(directory, 'blocks')).sort(), ['index.html', 'manifest.json']);
});

test('what was kept of another body under the same id is not believed', async (t) => {
  const [old, next] = [makeSnapshot(), makeSnapshot({ blocks: plainBlocks(80) })];
  const directory = tempDir(t);
  const oldServer = await serveSnapshots(t, [next]);
  await download(next.manifest, [oldServer.peer], { directory });
  const taken = { ...old, manifest: { ...old.manifest, id: next.manifest.id } };
  const server = await serveSnapshots(t, [taken]);
  const { error, items } = await download(taken.manifest, [server.peer], { directory });
  t.is(error, null);
  t.deepEqual(blocksOf(items), plainBlocks(5));
  t.deepEqual(await client().begun(directory), taken.manifest);
  t.is(statSync(join(directory, taken.manifest.id, 'body')).size, taken.manifest.size);
});

test('a full disk ends the download with its own code and blames no peer', async (t) => {
  const disk = smallDisk(1);
  if (disk === null) {
    t.pass('No small disk can be made here.');
    return;
  }
  t.teardown(() => {
    disk.remove();
  });
  const blocks = plainBlocks(30, 100_000);
  const snapshot = makeSnapshot({ blocks, codec: 'identity', partBytes: 100_000 });
  const server = await serveSnapshots(t, [snapshot]);
  const outcome = await download(snapshot.manifest, [server.peer], { directory: join(disk.path, 'parts') });
  t.is(outcome.error?.code, 'STORE_FULL');
  t.deepEqual(outcome.failures, []);
});

test('a directory that can not be made is an error of the disk', async (t) => {
  const { manifest } = makeSnapshot();
  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  const { error } = await download(manifest, [], { directory: join(file, 'parts') });
  t.is(error?.code, 'STORE_IO');
  await t.throwsAsync(client().forget(file), { message: /kept/ });
  t.false(signal.aborted);
});
