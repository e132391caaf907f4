import { inspect } from 'node:util';
import { hashes } from '@noble/secp256k1';
import test from 'ava';
import { secp256k1, secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import { hex64, key, ORDER, SECRET, toDer } from './signer-support.js';

const scheme = secp256k1().create();
const MESSAGE = 'blockferry-test:1:ab';

const KNOWN: readonly [secretKey: string, message: string, signature: string][] = [
  [
    hex64(1n),
    'Satoshi Nakamoto',
    '934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d82442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5',
  ],
  [
    hex64(1n),
    'All those moments will be lost in time, like tears in rain. Time to die...',
    '8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21',
  ],
  [
    hex64(ORDER - 1n),
    'Satoshi Nakamoto',
    'fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d06b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5',
  ],
  [
    SECRET,
    'Alan Turing',
    '7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea',
  ],
];

test('signatures are those that others compute by RFC 6979, each time', async (t) => {
  for (const [secretKey, message, signature] of KNOWN) {
    const signer = await secp256k1Signer(key(secretKey));
    t.is(await signer.sign(message), signature);
    t.is(await signer.sign(message), signature);
  }
});

/** All texts that differ from one in hex in a single bit. */
function* flipped(hex: string): Generator<string> {
  for (let bit = 0; bit < hex.length * 4; bit++) {
    const bytes = Buffer.from(hex, 'hex');
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    yield bytes.toString('hex');
  }
}

test('a signature is refused after any flip of one bit of message, signature or key', async (t) => {
  const signer = await secp256k1Signer(key(SECRET));
  const { publicKey } = signer;
  const signature = await signer.sign(MESSAGE);
  t.true(await scheme.verify(MESSAGE, signature, publicKey));
  let flips = 0;
  const refused = async (message: string, by: string, of: string): Promise<void> => {
    t.false(await scheme.verify(message, by, of), `${message} ${by} ${of}`);
    flips++;
  };
  for (const message of flipped(Buffer.from(MESSAGE).toString('hex')))
    await refused(Buffer.from(message, 'hex').toString('latin1'), signature, publicKey);
  for (const other of flipped(signature)) await refused(MESSAGE, other, publicKey);
  for (const other of flipped(publicKey)) await refused(MESSAGE, signature, other);
  t.is(flips, 20 * 8 + 64 * 8 + 33 * 8);
});

test('whatever is malformed is not valid, and never an error', async (t) => {
  const signer = await secp256k1Signer(key(SECRET));
  const { publicKey } = signer;
  const signature = await signer.sign(MESSAGE);
  const zero = hex64(0n);
  const signatures: readonly unknown[] = [
    '',
    signature.toUpperCase(),
    `0x${signature}`,
    signature.slice(2),
    `${signature}00`,
    `${signature}\n`,
    ` ${signature.slice(1)}`,
    toDer(signature).toString('hex'),
    zero + signature.slice(64),
    signature.slice(0, 64) + zero,
    hex64(ORDER) + signature.slice(64),
    signature.slice(0, 64) + hex64(ORDER),
    'f'.repeat(128),
    undefined,
    null,
    [signature],
    { toString: () => signature },
    Buffer.from(signature, 'hex'),
  ];
  for (const each of signatures)
    t.false(await scheme.verify(MESSAGE, each as string, publicKey), String(each));
  const keys: readonly unknown[] = [
    '',
    publicKey.toUpperCase(),
    `04${publicKey.slice(2)}`,
    `00${publicKey.slice(2)}`,
    publicKey.slice(2),
    '00',
    `02${'f'.repeat(64)}`,
    `02${hex64(0n)}`,
    `02${hex64(5n)}`,
    `${publicKey}\n`,
    undefined,
    [publicKey],
  ];
  for (const each of keys) {
    t.false(await scheme.verify(MESSAGE, signature, each as string), String(each));
    t.false(scheme.isPublicKey(each as string), String(each));
  }
  t.true(scheme.isPublicKey(publicKey));
  for (const message of [
    `${MESSAGE}\n`,
    `${MESSAGE}\u0000`,
    `${MESSAGE}\u0080`,
    'Zoë',
    '\ud800',
    '\u2028',
    undefined,
    [MESSAGE],
  ])
    t.false(await scheme.verify(message as string, signature, publicKey), String(message));
});

test('a message that is not ASCII is not signed', async (t) => {
  const signer = await secp256k1Signer(key(SECRET));
  for (const message of ['Zoë', '\u0080', '\ud800', undefined])
    await t.throwsAsync(signer.sign(message as string), { instanceOf: TypeError });
});

test('a secret key out of range or of another form is a TypeError that does not show it', async (t) => {
  const bad: readonly unknown[] = [
    key(hex64(0n)),
    key(hex64(ORDER)),
    key(hex64(ORDER + 1n)),
    key('ff'.repeat(32)),
    key(SECRET).subarray(1),
    new Uint8Array(33),
    new Uint8Array(),
    SECRET,
    [...key(SECRET)],
    undefined,
  ];
  for (const each of bad) {
    const error = await t.throwsAsync(secp256k1Signer(each as Uint8Array), { instanceOf: TypeError });
    t.regex(error.message, /^A secret key of secp256k1 has 32 bytes/);
    t.is(error.cause, undefined);
  }
  for (const edge of [1n, ORDER - 1n]) t.is((await secp256k1Signer(key(hex64(edge)))).scheme, 'secp256k1');
});

test('a signer shows its public key and never its secret key', async (t) => {
  const bytes = key(SECRET);
  const signer = await secp256k1Signer(bytes);
  const shown = [
    inspect(signer, { showHidden: true, depth: null, getters: true }),
    JSON.stringify(signer),
    JSON.stringify(Object.getOwnPropertyDescriptors(signer)),
    inspect(structuredClone(signer)),
    inspect(Object.assign({}, signer), { showHidden: true }),
    String(Object.entries(signer)),
  ];
  t.true(shown[0]?.includes(signer.publicKey));
  const decimal = [...bytes.subarray(0, 4)].join(',');
  for (const text of shown) {
    t.false(text.toLowerCase().includes(SECRET.slice(0, 8)), text);
    t.false(text.replaceAll(/\s/g, '').includes(decimal), text);
  }
});

test("a signer keeps its own copy of the key from the call on, and so does not mind that the caller's is wiped", async (t) => {
  const bytes = key(SECRET);
  const promise = secp256k1Signer(bytes);
  bytes.fill(0);
  const signer = await promise;
  t.true(await scheme.verify(MESSAGE, await signer.sign(MESSAGE), signer.publicKey));
  t.is(signer.publicKey, (await secp256k1Signer(key(SECRET))).publicKey);
});

test('the hash settings of the library, which are global, stay as they were', async (t) => {
  const before = { ...hashes };
  const signer = await secp256k1Signer(key(SECRET));
  await scheme.verify(MESSAGE, await signer.sign(MESSAGE), signer.publicKey);
  t.deepEqual({ ...hashes }, before);
  t.is(hashes.sha256, undefined);
});
