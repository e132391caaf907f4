import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, type JsonWebKey, sign } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import {
  generateKeyFile,
  readKeyFile,
  secp256k1,
  secp256k1Signer,
  writeKeyFile,
} from '../../plugins/signer-secp256k1/index.js';
import { type ErrorCode, isSyncError } from '../../src/errors/index.js';
import { smallDisk } from '../helpers/storage-small-disk.js';
import { tempDir } from '../helpers/temp-dir.js';
import { fromDer, hex64, isLow, key, ORDER, SECRET, twin } from './signer-support.js';

const scheme = secp256k1().create();
const MESSAGE = 'blockferry-test:1:ab';

const failure = async (t: ExecutionContext, promise: Promise<unknown>, code: ErrorCode): Promise<Error> => {
  const error = await t.throwsAsync(promise);
  t.true(isSyncError(error, code), String(error));
  return error;
};

test('a key file is its owner’s alone whatever the umask, and holds the key that signs', async (t) => {
  const dir = tempDir(t);
  const before = process.umask(0);
  try {
    const path = join(dir, 'open.key');
    const { publicKey } = await generateKeyFile(path);
    t.is(statSync(path).mode & 0o777, 0o600);
    const signer = await readKeyFile(path);
    t.is(signer.publicKey, publicKey);
    t.true(await scheme.verify(MESSAGE, await signer.sign(MESSAGE), publicKey));
    t.not((await generateKeyFile(join(dir, 'other.key'))).publicKey, publicKey);
  } finally {
    process.umask(before);
  }
});

test('a key that is written is the key that is read', async (t) => {
  const path = join(tempDir(t), 'key');
  const { publicKey } = await writeKeyFile(path, key(SECRET));
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    format: 'blockferry-key',
    version: 1,
    scheme: 'secp256k1',
    publicKey,
    secretKey: SECRET,
  });
  const signer = await secp256k1Signer(key(SECRET));
  t.is(await (await readKeyFile(path)).sign(MESSAGE), await signer.sign(MESSAGE));
});

test('a file that is there is never overwritten, nor what a link points to', async (t) => {
  const dir = tempDir(t);
  const path = join(dir, 'key');
  writeFileSync(path, 'precious');
  symlinkSync(join(dir, 'nowhere'), join(dir, 'dangling'));
  for (const name of ['key', 'dangling']) {
    const { message } = await failure(t, generateKeyFile(join(dir, name)), 'INPUT_UNREADABLE');
    t.regex(message, /exists already/);
  }
  t.is(readFileSync(path, 'utf8'), 'precious');
  t.false(existsSync(join(dir, 'nowhere')));
  await failure(t, generateKeyFile(join(dir, 'missing', 'key')), 'INPUT_UNREADABLE');
});

test('what is no secret key makes no file', async (t) => {
  const dir = tempDir(t);
  await t.throwsAsync(writeKeyFile(join(dir, 'key'), new Uint8Array(32)), { instanceOf: TypeError });
  t.deepEqual(readdirSync(dir), []);
});

test('a disk without room for the key keeps nothing of it', async (t) => {
  const disk = smallDisk(1);
  if (disk === null) {
    t.pass('No file system can be mounted here.');
    return;
  }
  t.teardown(() => {
    disk.remove();
  });
  const fill = Buffer.alloc(4096);
  t.throws(() => {
    for (let index = 0; ; index++) writeFileSync(join(disk.path, 'fill'), fill, { flag: 'a' });
  });
  const { message } = await failure(t, writeKeyFile(join(disk.path, 'key'), key(SECRET)), 'INPUT_UNREADABLE');
  t.regex(message, /ENOSPC/);
  t.false(message.includes(SECRET.slice(0, 8)));
  t.deepEqual(readdirSync(disk.path), ['fill']);
});

test('a file that group or others can get at is refused, and a stricter one is taken', async (t) => {
  const path = join(tempDir(t), 'key');
  await writeKeyFile(path, key(SECRET));
  for (const mode of [0o640, 0o604, 0o660, 0o644, 0o620, 0o602, 0o610, 0o601, 0o777]) {
    chmodSync(path, mode);
    const { message } = await failure(t, readKeyFile(path), 'KEY_UNUSABLE');
    t.true(message.includes(`mode 0${mode.toString(8)}`), message);
  }
  for (const mode of [0o600, 0o400, 0o700]) {
    chmodSync(path, mode);
    t.is((await readKeyFile(path)).scheme, 'secp256k1');
  }
});

test('a file that is no key is refused, and no message has anything of it', async (t) => {
  const dir = tempDir(t);
  const { publicKey } = await writeKeyFile(join(dir, 'good'), key(SECRET));
  const good: Readonly<Record<string, unknown>> = {
    format: 'blockferry-key',
    version: 1,
    scheme: 'secp256k1',
    publicKey,
    secretKey: SECRET,
  };
  const text = JSON.stringify(good);
  const other = await secp256k1Signer(key(hex64(7n)));
  const bad: readonly string[] = [
    '',
    '{',
    'null',
    '[]',
    SECRET,
    `"${SECRET}"`,
    text.slice(0, -1),
    text.slice(0, -3),
    `${text}x`,
    `\ufeff${text}`,
    text + ' '.repeat(5000),
    ...[
      { format: 'other' },
      { version: 2 },
      { version: '1' },
      { scheme: 'ed25519' },
      { publicKey: other.publicKey },
      { publicKey: publicKey.toUpperCase() },
      { publicKey: null },
      { secretKey: SECRET.toUpperCase() },
      { secretKey: SECRET.slice(2) },
      { secretKey: `0x${SECRET}` },
      { secretKey: hex64(0n) },
      { secretKey: hex64(ORDER) },
      { secretKey: [SECRET] },
      { secretKey: undefined },
    ].map((change) => JSON.stringify({ ...good, ...change })),
  ];
  for (const [index, contents] of bad.entries()) {
    const path = join(dir, `bad-${index}`);
    writeFileSync(path, contents, { mode: 0o600 });
    const error = await failure(t, readKeyFile(path), 'KEY_UNUSABLE');
    t.true(error.message.includes(path));
    const all = inspect(error, { depth: null, showHidden: true }).toLowerCase();
    for (let at = 0; at + 8 <= SECRET.length; at++) t.false(all.includes(SECRET.slice(at, at + 8)), contents);
  }
  const invalid = Buffer.from(text);
  invalid[20] = 0xff;
  writeFileSync(join(dir, 'utf8'), invalid, { mode: 0o600 });
  await failure(t, readKeyFile(join(dir, 'utf8')), 'KEY_UNUSABLE');
});

test('what is no file, or not there, is refused at once', async (t) => {
  const dir = tempDir(t);
  mkdirSync(join(dir, 'folder'), { mode: 0o700 });
  execFileSync('mkfifo', ['-m', '600', join(dir, 'fifo')]);
  for (const name of ['folder', 'fifo', 'missing', 'folder/none'])
    await failure(t, readKeyFile(join(dir, name)), 'KEY_UNUSABLE');
});

test('a key of OpenSSL can be used here and the other way round', async (t) => {
  const dir = tempDir(t);
  const { publicKey } = await generateKeyFile(join(dir, 'key'));
  const { secretKey } = JSON.parse(readFileSync(join(dir, 'key'), 'utf8')) as { secretKey: string };
  const jwk: JsonWebKey = { ...derive(secretKey), kty: 'EC', crv: 'secp256k1' };
  const openssl = createPrivateKey({ key: jwk, format: 'jwk' });
  const either = fromDer(sign('sha256', Buffer.from(MESSAGE), openssl)) ?? '';
  t.true(await scheme.verify(MESSAGE, isLow(either) ? either : twin(either), publicKey));
});

/** The members of a JWK, computed by OpenSSL from the secret key alone (RFC 5915 without a public key). */
function derive(secretKey: string): JsonWebKey {
  const der = Buffer.from(`302e0201010420${secretKey}a00706052b8104000a`, 'hex');
  const openssl = createPrivateKey({ key: der, format: 'der', type: 'sec1' });
  const { x = '', y = '' } = createPublicKey(openssl).export({ format: 'jwk' });
  return { x, y, d: Buffer.from(secretKey, 'hex').toString('base64url') };
}

test('what is no path is told with the name of the function that was called', async (t) => {
  for (const path of ['', 7, undefined, {}]) {
    const bad = async (call: Promise<unknown>, owner: string): Promise<void> => {
      await t.throwsAsync(call, { instanceOf: TypeError, message: new RegExp(`^${owner}: \`path\` `) });
    };
    await bad(readKeyFile(path as never), 'readKeyFile');
    await bad(generateKeyFile(path as never), 'generateKeyFile');
    await bad(writeKeyFile(path as never, new Uint8Array(32).fill(1)), 'writeKeyFile');
  }
});
