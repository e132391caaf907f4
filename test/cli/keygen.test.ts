import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { generateKeyFile } from '../../plugins/signer-secp256k1/index.js';
import { parseManifest } from '../../plugins/transport-snapshot/manifest.js';
import type { SnapshotManifest } from '../../src/contracts/index.js';
import { checkTrust } from '../../src/engine/snapshot/trust.js';
import { trustOptions } from '../../src/config/trust.js';
import { plainManifest, scheme } from '../engine/trust-support.js';
import { tempDir } from '../helpers/temp-dir.js';
import { type Finished, jsonLines } from './cli.js';
import { run } from './in-process.js';

const secretIn = (path: string): string =>
  (JSON.parse(readFileSync(path, 'utf8')) as { readonly secretKey: string }).secretKey;

async function keygen(t: ExecutionContext, path: string): Promise<string> {
  const { code, stdout, stderr } = await run(['keygen', '--out', path]);
  t.is(code, 0, stderr);
  return stdout.toString().trim();
}

function failed(t: ExecutionContext, { code, stderr }: Finished, error: string): void {
  t.is(code, 1, stderr);
  t.regex(stderr, new RegExp(`^${error}: .+\\n.+\\n$`));
}

/** A folder with a manifest and two keys. */
async function place(t: ExecutionContext): Promise<{
  readonly manifest: string;
  readonly keys: readonly [string, string];
  readonly signers: readonly [string, string];
}> {
  const dir = tempDir(t);
  const manifest = join(dir, 'manifest.json');
  writeFileSync(manifest, JSON.stringify(plainManifest()));
  const keys = [join(dir, 'a.key'), join(dir, 'b.key')] as const;
  const [a, b] = [await generateKeyFile(keys[0]), await generateKeyFile(keys[1])];
  return { manifest, keys, signers: [a.publicKey, b.publicKey] };
}

const read = (path: string): SnapshotManifest => parseManifest(JSON.parse(readFileSync(path, 'utf8')));

/** The signers that a node would count. */
async function counted(path: string, signers: readonly string[]): Promise<readonly string[]> {
  const manifest = read(path);
  const now = (): number => manifest.timestamp;
  const ours = { chain: manifest.chain, chainId: manifest.chainId, newest: null };
  return (await checkTrust(manifest, { trust: trustOptions({ signers }, scheme), scheme, now, ...ours }))
    .signers;
}

test('keygen makes a file for its owner alone and prints the public key and nothing else', async (t) => {
  const path = join(tempDir(t), 'a.key');
  const { code, stdout, stderr } = await run(['keygen', '--out', path]);
  t.is(code, 0);
  t.is(stderr, '');
  t.regex(stdout.toString(), /^0[23][0-9a-f]{64}\n$/);
  t.true(scheme.isPublicKey(stdout.toString().trim()));
  t.is(statSync(path).mode & 0o777, 0o600);
  t.is((JSON.parse(readFileSync(path, 'utf8')) as { publicKey: string }).publicKey, stdout.toString().trim());
});

test('keygen --json tells the public key, and the secret one nowhere', async (t) => {
  const path = join(tempDir(t), 'a.key');
  const { stdout, stderr } = await run(['keygen', '--out', path, '--json']);
  const [{ publicKey, ...rest } = { event: '', publicKey: '' }, ...more] = jsonLines(stdout);
  t.deepEqual(rest, { event: 'done', ok: true, exitCode: 0, scheme: 'secp256k1', file: path });
  t.true(scheme.isPublicKey(String(publicKey)));
  t.deepEqual(more, []);
  t.false((stdout.toString() + stderr).includes(secretIn(path).slice(0, 8)));
});

test('keygen overwrites nothing', async (t) => {
  const dir = tempDir(t);
  const path = join(dir, 'a.key');
  await keygen(t, path);
  const before = readFileSync(path);
  failed(t, await run(['keygen', '--out', path]), 'INPUT_UNREADABLE');
  t.true(before.equals(readFileSync(path)));
  mkdirSync(join(dir, 'folder'));
  failed(t, await run(['keygen', '--out', join(dir, 'folder')]), 'INPUT_UNREADABLE');
  failed(t, await run(['keygen', '--out', join(dir, 'none', 'a.key')]), 'INPUT_UNREADABLE');
  t.deepEqual(readdirSync(dir), ['a.key', 'folder']);
});

test('snapshot sign adds a signature beside those of others, and a node counts both', async (t) => {
  const { manifest, keys, signers } = await place(t);
  const first = await run(['snapshot', 'sign', manifest, '--key', keys[0]]);
  t.is(first.code, 0, first.stderr);
  t.regex(first.stdout.toString(), /^Signed snapshot recent-500-abc \(recent, block 500 of clinic:7\)/);
  t.true(first.stdout.toString().endsWith(`\n  ${signers[0]}\n`));
  const second = await run(['snapshot', 'sign', manifest, '--key', keys[1], '--json']);
  t.like(jsonLines(second.stdout), {
    length: 1,
    0: { event: 'done', ok: true, id: 'recent-500-abc', height: 500, signer: signers[1], signers },
  });
  t.deepEqual(await counted(manifest, [...signers].reverse()), signers);
  t.deepEqual({ ...read(manifest), signatures: [] }, plainManifest());
});

test('signing again replaces the own signature in its place and changes no other', async (t) => {
  const { manifest, keys, signers } = await place(t);
  for (const key of keys) await run(['snapshot', 'sign', manifest, '--key', key]);
  const signed = readFileSync(manifest);
  await run(['snapshot', 'sign', manifest, '--key', keys[0]]);
  t.true(signed.equals(readFileSync(manifest)), 'signatures are deterministic');
  const { signatures, ...rest } = read(manifest);
  const [own, other] = signatures;
  const spoilt = [{ ...own, signature: 'old' }, other, { ...own, signature: 'older' }];
  writeFileSync(manifest, JSON.stringify({ ...rest, signatures: spoilt }));
  t.deepEqual(await counted(manifest, signers), [signers[1]]);
  await run(['snapshot', 'sign', manifest, '--key', keys[0]]);
  t.deepEqual(read(manifest).signatures, signatures);
});

test('the file keeps its mode, its other members and their order, and a link stays a link', async (t) => {
  const { manifest, keys } = await place(t);
  const { signatures, ...rest } = plainManifest();
  writeFileSync(manifest, JSON.stringify({ later: { a: 1 }, signatures, ...rest }));
  chmodSync(manifest, 0o646);
  const link = `${manifest}.link`;
  symlinkSync(manifest, link);
  t.is((await run(['snapshot', 'sign', link, '--key', keys[0]])).code, 0);
  t.is(statSync(manifest).mode & 0o777, 0o646);
  t.true(lstatSync(link).isSymbolicLink());
  const after = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
  t.deepEqual(Object.keys(after).slice(0, 3), ['later', 'signatures', 'version']);
  t.deepEqual(after['later'], { a: 1 });
  t.is(read(manifest).signatures.length, 1);
});

test('--out leaves the manifest as it is and nothing else behind', async (t) => {
  const { manifest, keys, signers } = await place(t);
  const before = readFileSync(manifest);
  const out = `${manifest}.signed`;
  t.is((await run(['snapshot', 'sign', manifest, '--key', keys[0], '--out', out])).code, 0);
  t.true(before.equals(readFileSync(manifest)));
  t.deepEqual(await counted(out, signers), [signers[0]]);
  const names = readdirSync(join(manifest, '..'));
  t.deepEqual(names, ['a.key', 'b.key', 'manifest.json', 'manifest.json.signed']);
});

test('what is no manifest, or contradicts itself, is not signed, and the file stays as it was', async (t) => {
  const { manifest, keys } = await place(t);
  const good = plainManifest();
  const many = Array.from({ length: 64 }, (_, index) => ({ signer: `signer ${index}`, signature: 'x' }));
  const wrong: readonly (readonly [contents: string, code: string])[] = [
    ['', 'INPUT_UNREADABLE'],
    ['{', 'INPUT_UNREADABLE'],
    ['[]', 'INPUT_UNREADABLE'],
    [JSON.stringify({ ...good, root: '00'.repeat(32) }), 'SNAPSHOT_CORRUPT'],
    [JSON.stringify({ ...good, size: 1 }), 'SNAPSHOT_CORRUPT'],
    [JSON.stringify({ ...good, signatures: many }), 'SNAPSHOT_CORRUPT'],
  ];
  for (const [contents, code] of wrong) {
    writeFileSync(manifest, contents);
    failed(t, await run(['snapshot', 'sign', manifest, '--key', keys[0]]), code);
    t.is(readFileSync(manifest, 'utf8'), contents);
  }
  failed(t, await run(['snapshot', 'sign', `${manifest}.none`, '--key', keys[0]]), 'INPUT_UNREADABLE');
  t.deepEqual(readdirSync(join(manifest, '..')), ['a.key', 'b.key', 'manifest.json']);
});

test('a key that others can read signs nothing, and neither does a manifest in place of a key', async (t) => {
  const { manifest, keys } = await place(t);
  chmodSync(keys[0], 0o644);
  chmodSync(manifest, 0o600);
  const before = readFileSync(manifest);
  for (const key of [keys[0], manifest, `${keys[0]}.none`]) {
    const result = await run(['snapshot', 'sign', manifest, '--key', key]);
    failed(t, result, 'KEY_UNUSABLE');
    t.false((result.stderr + result.stdout.toString()).includes(secretIn(keys[0]).slice(0, 8)));
  }
  t.true(before.equals(readFileSync(manifest)));
});

test('a key in place of the manifest is refused and not shown', async (t) => {
  const { keys } = await place(t);
  const digest = createHash('sha256').update(readFileSync(keys[0])).digest('hex');
  const result = await run(['snapshot', 'sign', keys[0], '--key', keys[0]]);
  failed(t, result, 'SNAPSHOT_CORRUPT');
  t.false(result.stderr.includes(secretIn(keys[0]).slice(0, 8)));
  t.is(createHash('sha256').update(readFileSync(keys[0])).digest('hex'), digest);
});

test('control characters in the name of a signer do not reach the terminal', async (t) => {
  const { manifest, keys } = await place(t);
  const evil = { signer: '\u001b[2Jgone', signature: 'x' };
  writeFileSync(manifest, JSON.stringify({ ...plainManifest(), signatures: [evil] }));
  const { code, stdout } = await run(['snapshot', 'sign', manifest, '--key', keys[0]]);
  t.is(code, 0);
  t.true(stdout.toString().includes('x1b[2Jgone'));
  t.notRegex(stdout.toString(), /[\u0000-\u0009\u000b-\u001f\u007f]/);
});

test('the help of the key and snapshot commands shows examples, and wrong usage ends with 2', async (t) => {
  for (const command of ['keygen', 'snapshot', 'snapshot sign']) {
    const { code, stdout, stderr } = await run([...command.split(' '), '--help']);
    t.is(code, 0, command);
    t.is(stderr, '');
    t.regex(
      stdout.toString(),
      new RegExp(`Usage: blockferry ${command} [^]*\\n {2}\\$ blockferry ${command}`),
    );
  }
  const wrong = ['keygen', 'keygen --out', 'snapshot', 'snapshot launch', 'snapshot sign', 'snapshot sign m'];
  for (const args of [...wrong, 'keygen --out x y', 'snapshot sign m --key k --loud']) {
    const { code, stdout, stderr } = await run(args.split(' '));
    t.is(code, 2, args);
    t.is(stdout.toString(), '', args);
    t.not(stderr, '', args);
  }
});
