import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import bz2 from 'bz2';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { jsonLines, serve } from './cli.js';
import { run } from './in-process.js';
import { sharedFolder } from './shared-folder.js';
import { makeStore, storedLines } from './stores.js';

const chain = sealedChain(200);

interface Signed {
  readonly dir: string;
  readonly store: string;
  readonly key: string;
  readonly publicKey: string;
  /** Directory of the one snapshot. */
  readonly snapshot: string;
}

const withSnapshot = sharedFolder(async function withSnapshot(t, dir) {
  const [store, key] = [join(dir, 'a'), join(dir, 'key')];
  await makeStore(store, chain);
  const publicKey = await keygen(t, key);
  const made = await run(['snapshot', 'create', '--data', store, '--key', key, '--type', 'full', '--json']);
  t.is(made.code, 0, made.stderr);
  return { publicKey, id: jsonLines(made.stdout).at(-1)?.['id'] as string };
});

/** A store with a full snapshot of it. */
async function signed(t: ExecutionContext): Promise<Signed> {
  const { dir, made } = await withSnapshot(t);
  const store = join(dir, 'a');
  const { publicKey, id } = made;
  return { dir, store, key: join(dir, 'key'), publicKey, snapshot: join(store, 'snapshots', id) };
}

async function keygen(t: ExecutionContext, file: string): Promise<string> {
  const { code, stdout, stderr } = await run(['keygen', '--out', file]);
  t.is(code, 0, stderr);
  return stdout.toString().trim();
}

test('a snapshot that was created is served, taken, and comes out byte for byte', async (t) => {
  const { dir, store, key, publicKey } = await signed(t);
  const { url } = await serve(t, store, '--key', key);
  const b = join(dir, 'b');
  const synced = await run([
    ...['sync', '--peer', url, '--data', b, '--mode', 'snapshot'],
    ...['--snapshot-type', 'full', '--trust', publicKey],
  ]);
  t.is(synced.code, 0, synced.stderr);
  const said = synced.stdout.toString() + synced.stderr;
  t.regex(said, /Mode snapshot: /);
  t.regex(said, new RegExp(`Taking the full snapshot of blocks 0 to 199, .*signed by ${publicKey}`));
  t.regex(said, /Imported the full snapshot of blocks 0 to 199\./);
  t.regex(said, /Up to date; the store is at block 199/);
  t.true(ndjson(chain).equals(await storedLines(b)));
  const status = await run(['status', '--data', b]);
  t.regex(status.stdout.toString(), /assumed: {3}up to block 199/);
});

test('a second organisation signs, and the server that runs serves both signatures', async (t) => {
  const { dir, store, key, publicKey, snapshot } = await signed(t);
  const other = join(dir, 'other');
  const otherKey = await keygen(t, other);
  const { url } = await serve(t, store, '--key', key);
  const args = ['sync', '--peer', url, '--mode', 'snapshot', '--snapshot-type', 'full', '--threshold', '2'];
  const trust = ['--trust', publicKey, otherKey];
  const before = await run([...args, '--data', join(dir, 'b'), ...trust]);
  t.is(before.code, 1);
  t.regex(before.stderr, /SNAPSHOT_UNTRUSTED/);
  const doctor = ['doctor', '--peer', url, '--threshold', '2', ...trust, '--snapshot-type', 'full'];
  const missed = await run(doctor);
  t.is(missed.code, 1);
  t.regex(
    missed.stdout.toString(),
    /^FAIL signers: SNAPSHOT_UNTRUSTED: 1 of the 2 .* 2 are needed\.\n {5}\S/m,
  );
  const signing = await run(['snapshot', 'sign', join(snapshot, 'manifest.json'), '--key', other]);
  t.is(signing.code, 0, signing.stderr);
  const after = await run([...args, '--data', join(dir, 'b'), ...trust]);
  t.is(after.code, 0, after.stderr);
  const reached = await run(doctor);
  t.is(reached.code, 0, reached.stdout.toString() + reached.stderr);
  t.regex(reached.stdout.toString(), /^ok {3}signers: .* at block 199 is signed by 2 trusted signers$/m);
  const inspected = await run(['snapshot', 'inspect', url, '--type', 'full', '--json']);
  t.like(jsonLines(inspected.stdout).at(-1), {
    height: 199,
    signatures: [
      { signer: publicKey, valid: true },
      { signer: otherKey, valid: true },
    ],
  });
});

test('inspect tells of a snapshot on disk, verify passes it, and both say when something is wrong', async (t) => {
  const { dir, publicKey, snapshot } = await signed(t);
  const trust = ['--trust', publicKey];
  const inspected = await run(['snapshot', 'inspect', snapshot]);
  t.is(inspected.code, 0, inspected.stderr);
  t.regex(inspected.stdout.toString(), /blocks: {4}0 to 199/);
  const body = join(snapshot, 'snapshot.bz2');
  const bare = join(dir, 'bare.bz2');
  writeFileSync(bare, readFileSync(body));
  for (const source of [snapshot, join(snapshot, 'manifest.json'), body, bare]) {
    const verified = await run(['snapshot', 'verify', source, ...trust, '--json']);
    t.is(verified.code, 0, verified.stderr);
    t.like(jsonLines(verified.stdout).at(-1), { ok: true, blocks: 200, height: 199, signer: publicKey });
  }
  const stranger = await keygen(t, join(dir, 'stranger'));
  for (const source of [snapshot, bare]) {
    const refused = await run(['snapshot', 'verify', source, '--trust', stranger]);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /SNAPSHOT_UNTRUSTED/);
  }
  const bytes = readFileSync(body);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 4, bytes.length >> 1);
  writeFileSync(body, bytes);
  const damaged = await run(['snapshot', 'verify', snapshot, ...trust]);
  t.is(damaged.code, 1);
  t.regex(damaged.stderr, /SNAPSHOT_CORRUPT/);
  const text = readFileSync(join(snapshot, 'manifest.json'), 'utf8');
  writeFileSync(join(snapshot, 'manifest.json'), text.replace('"timestamp":1', '"timestamp":2'));
  const altered = await run(['snapshot', 'inspect', snapshot]);
  t.regex(altered.stdout.toString(), /NOT VALID/);
});

test('fetch leaves a snapshot that can be verified, unpacked and served', async (t) => {
  const { dir, store, key, publicKey } = await signed(t);
  const { url } = await serve(t, store, '--key', key);
  const out = join(dir, 'mirror');
  const fetched = await run([
    ...['snapshot', 'fetch', '--peer', url, '--out', out, '--type', 'full'],
    ...['--trust', publicKey, '--json'],
  ]);
  t.is(fetched.code, 0, fetched.stderr);
  const directory = jsonLines(fetched.stdout).at(-1)?.['directory'] as string;
  t.deepEqual(readdirSync(directory).sort(), ['document.json', 'manifest.json', 'snapshot.bz2']);
  t.is((await run(['snapshot', 'verify', directory, '--trust', publicKey])).code, 0);
  const manifest = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')) as {
    readonly parts: readonly { readonly offset: number; readonly length: number }[];
  };
  const body = readFileSync(join(directory, 'snapshot.bz2'));
  const parts = manifest.parts.map(({ offset, length }) =>
    Buffer.from(bz2.decompress(body.subarray(offset, offset + length))),
  );
  const document = Buffer.concat(parts).toString();
  t.true(
    document.includes(`"blocks":[${ndjson(chain).toString().trimEnd().split('\n').join(',')}],"hash":"`),
  );
  if (spawnSync('bunzip2', ['--help']).status === 0)
    t.is(spawnSync('bunzip2', ['-t', join(directory, 'snapshot.bz2')]).status, 0);
  else t.log('bunzip2 is not installed here.');
});

test('a server makes snapshots by itself as blocks come in', async (t) => {
  const dir = tempDir(t);
  const key = join(dir, 'key');
  await keygen(t, key);
  const { cli } = await serve(t, join(dir, 'a'), '--key', key, '--snapshot-every', '50', '--ingest', '-');
  cli.stdin.write(ndjson(chain.slice(0, 120)));
  const built = await cli.waitFor(({ event }) => event === 'built');
  t.true((built['height'] as number) >= 49);
});

test('wrong usage of the snapshot options is told as such', async (t) => {
  const dir = tempDir(t);
  for (const args of [
    ['sync', '--peer', 'http://127.0.0.1:1', '--data', join(dir, 'b'), '--mode', 'snapshot'],
    ['sync', '--peer', 'http://127.0.0.1:1', '--data', join(dir, 'b'), '--trust', 'nonsense'],
    ['serve', '--data', join(dir, 'b'), '--snapshot-every', '5'],
    ['snapshot', 'verify', dir],
    ['snapshot', 'fetch', '--out', dir],
  ]) {
    const { code, stderr } = await run(args);
    t.is(code, 2, `${args.join(' ')}: ${stderr}`);
  }
});

test('--max-parts bounds the parts of a snapshot that is taken, fetched or looked at, and is named when it is met', async (t) => {
  const { dir, store, key, publicKey } = await signed(t);
  const { url } = await serve(t, store, '--key', key);
  const full = ['--type', 'full'];
  const taken = ['--mode', 'snapshot', '--snapshot-type', 'full', '--trust', publicKey];
  for (const command of [
    ['snapshot', 'inspect', url, ...full],
    ['snapshot', 'fetch', '--peer', url, '--out', join(dir, 'mirror'), ...full, '--trust', publicKey],
    ['sync', '--peer', url, '--data', join(dir, 'b'), ...taken],
  ]) {
    const refused = await run([...command, '--max-parts', '1']);
    t.is(refused.code, 1);
    t.regex(refused.stdout.toString() + refused.stderr, /more than 1 parts \(see --max-parts\)/);
    const allowed = await run([...command, '--max-parts', '2']);
    t.is(allowed.code, 0, allowed.stderr);
  }
});
