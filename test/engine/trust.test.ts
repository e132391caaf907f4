import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { DEFAULT_MAX_AGE_MS, trustOptions } from '../../src/config/trust.js';
import type { TrustConfig } from '../../src/config/types.js';
import type { SignatureScheme, SnapshotManifest, SnapshotSignature } from '../../src/contracts/index.js';
import { checkDocumentSignature, checkTrust, type TrustDeps } from '../../src/engine/snapshot/trust.js';
import { type ErrorCode, isSyncError } from '../../src/errors/index.js';
import { documentMessage } from '../../src/internal/snapshot-messages.js';
import { MADE, plainManifest, scheme, signatureOf, signedManifest, signerOf } from './trust-support.js';

const [a, b, c, stranger] = await Promise.all([signerOf(1), signerOf(2), signerOf(3), signerOf(4)]);
const keysOf = (...signers: readonly { readonly publicKey: string }[]): readonly string[] =>
  signers.map(({ publicKey }) => publicKey);
const ALL = keysOf(a, b, c);

const deps = (trust: TrustConfig | null, change: Partial<TrustDeps> = {}): TrustDeps => ({
  trust: trust === null ? null : trustOptions(trust, scheme),
  scheme,
  now: () => MADE + 60_000,
  chain: 'sealed-json',
  chainId: 'clinic:7',
  newest: { height: 499, hash: 'aa' },
  ...change,
});

async function refused(t: ExecutionContext, promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error = await t.throwsAsync(promise);
  t.true(isSyncError(error, code), `${code} wanted: ${String(error)}`);
  return error.message;
}

test('as many different trusted signers as the threshold are enough, and one fewer is not', async (t) => {
  const signers = [a, b, c];
  for (const threshold of [1, 2, 3]) {
    for (let count = 0; count <= 3; count++) {
      const by = signers.slice(0, count);
      const check = checkTrust(await signedManifest(by), deps({ signers: ALL, threshold }));
      if (count >= threshold) t.deepEqual(await check, { signers: keysOf(...by), pinned: false });
      else {
        const message = await refused(t, check, 'SNAPSHOT_UNTRUSTED');
        t.is(message, `${count} of the 3 trusted signers have signed the snapshot, ${threshold} are needed.`);
      }
    }
  }
});

test('who signed counts, in whatever order and among whatever else, and nobody twice', async (t) => {
  const manifest = plainManifest();
  const good = await Promise.all([a, b, c, stranger].map((each) => signatureOf(manifest, each)));
  const [goodA, goodB] = good as [SnapshotSignature, SnapshotSignature];
  const junk: readonly SnapshotSignature[] = [
    { signer: a.publicKey, signature: goodB.signature },
    { signer: b.publicKey, signature: 'nonsense' },
    { signer: a.publicKey.toUpperCase(), signature: goodA.signature },
    { signer: 'nobody', signature: '' },
    await signatureOf(manifest, c, documentMessage(manifest)),
  ];
  const entries = fc.array(fc.constantFrom(...good, ...junk), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(entries, fc.integer({ min: 1, max: 3 }), async (signatures, threshold) => {
      const wanted = new Set(
        signatures.filter((each) => good.slice(0, 3).includes(each)).map((each) => each.signer),
      );
      const check = checkTrust({ ...manifest, signatures }, deps({ signers: ALL, threshold }));
      if (wanted.size >= threshold) t.deepEqual(await check, { signers: [...wanted], pinned: false });
      else await refused(t, check, 'SNAPSHOT_UNTRUSTED');
    }),
    { numRuns: 25 },
  );
});

test('one signer who signs many times counts once', async (t) => {
  const manifest = await signedManifest([a, a, a]);
  await refused(t, checkTrust(manifest, deps({ signers: ALL, threshold: 2 })), 'SNAPSHOT_UNTRUSTED');
  t.deepEqual((await checkTrust(manifest, deps({ signers: ALL }))).signers, keysOf(a));
});

test('a bad signature in the name of a trusted signer does not hide the good one behind it', async (t) => {
  const manifest = await signedManifest([a]);
  const bad = { signer: a.publicKey, signature: '00'.repeat(64) };
  const { signers } = await checkTrust(
    { ...manifest, signatures: [bad, ...manifest.signatures] },
    deps({ signers: ALL }),
  );
  t.deepEqual(signers, keysOf(a));
});

test('no more than 64 signatures are looked at, and those of strangers cost nothing', async (t) => {
  let verified = 0;
  const counting: SignatureScheme = {
    ...scheme,
    verify: (...args) => {
      verified++;
      return scheme.verify(...args);
    },
  };
  const manifest = await signedManifest([stranger, a]);
  const [strange, good] = manifest.signatures as [SnapshotSignature, SnapshotSignature];
  const bad = { ...good, signature: strange.signature };
  const check = (signatures: readonly SnapshotSignature[]): Promise<unknown> =>
    checkTrust({ ...manifest, signatures }, deps({ signers: ALL }, { scheme: counting }));
  await refused(t, check([...Array<SnapshotSignature>(64).fill(bad), good]), 'SNAPSHOT_UNTRUSTED');
  t.is(verified, 64);
  verified = 0;
  await check([...Array<SnapshotSignature>(63).fill(strange), good]);
  t.is(verified, 1);
});

const OTHER_HASH = '11'.repeat(32);

const FLIPS: Readonly<Record<string, Partial<SnapshotManifest>>> = {
  chainId: { chainId: 'clinic' },
  type: { type: 'full' },
  height: { height: 501 },
  timestamp: { timestamp: MADE + 1 },
  hash: { hash: OTHER_HASH },
  size: { size: 351 },
  root: { root: OTHER_HASH },
};

for (const [member, change] of Object.entries(FLIPS)) {
  test(`a signature covers ${member}`, async (t) => {
    const manifest = { ...(await signedManifest([a, b, c])), ...change };
    const open = deps({ signers: ALL }, { chainId: null });
    await refused(t, checkTrust(manifest, open), 'SNAPSHOT_UNTRUSTED');
  });
}

test('the signature of a document is none of a manifest, and the other way round', async (t) => {
  const manifest = plainManifest();
  const own = await signatureOf(manifest, a);
  const document = await signatureOf(manifest, a, documentMessage(manifest));
  await checkDocumentSignature(manifest, document, scheme);
  await refused(t, checkDocumentSignature(manifest, own, scheme), 'SNAPSHOT_CORRUPT');
  const check = checkTrust({ ...manifest, signatures: [document] }, deps({ signers: ALL }));
  await refused(t, check, 'SNAPSHOT_UNTRUSTED');
});

test('the signature of a document is over its chain, type, height, timestamp and hash, by the one it names', async (t) => {
  const manifest = plainManifest();
  const document = await signatureOf(manifest, a, documentMessage(manifest));
  for (const member of ['chainId', 'type', 'height', 'timestamp', 'hash']) {
    const other = { ...manifest, ...FLIPS[member] };
    await refused(t, checkDocumentSignature(other, document, scheme), 'SNAPSHOT_CORRUPT');
  }
  const names = [b.publicKey, '', 'x'.repeat(100_000), '\u001b[2J'];
  for (const signer of names) {
    const message = await refused(
      t,
      checkDocumentSignature(manifest, { ...document, signer }, scheme),
      'SNAPSHOT_CORRUPT',
    );
    t.true(message.length < 300);
    t.notRegex(message, /\p{Cc}/u);
  }
});

test('colons in the name of a chain do not let one manifest pass for another', async (t) => {
  const manifest = await signedManifest([a], { chainId: 'clinic:recent:500' });
  const shifted = { ...manifest, chainId: 'clinic' };
  await refused(t, checkTrust(shifted, deps({ signers: ALL }, { chainId: null })), 'SNAPSHOT_UNTRUSTED');
});

test('a snapshot is taken up to its greatest age and not a millisecond longer', async (t) => {
  const manifest = await signedManifest([a]);
  const at = (now: number, maxAgeMs?: number | null): Promise<unknown> =>
    checkTrust(
      manifest,
      deps({ signers: ALL, ...(maxAgeMs === undefined ? {} : { maxAgeMs }) }, { now: () => now }),
    );
  t.is(DEFAULT_MAX_AGE_MS, 1_209_600_000);
  await at(MADE + DEFAULT_MAX_AGE_MS);
  const message = await refused(t, at(MADE + DEFAULT_MAX_AGE_MS + 1), 'SNAPSHOT_EXPIRED');
  t.is(message, 'The snapshot was made 14 days ago; 14 days are allowed.');
  await at(MADE + 5000, 5000);
  await refused(t, at(MADE + 5001, 5000), 'SNAPSHOT_EXPIRED');
  await at(MADE + 10 * 365 * 86_400_000, null);
});

test('a snapshot from more than ten minutes in the future is refused, however old one may be', async (t) => {
  const manifest = await signedManifest([a]);
  for (const maxAgeMs of [null, 86_400_000]) {
    const at = (now: number): Promise<unknown> =>
      checkTrust(manifest, deps({ signers: ALL, maxAgeMs }, { now: () => now }));
    await at(MADE - 600_000);
    await refused(t, at(MADE - 600_001), 'SNAPSHOT_EXPIRED');
  }
});

test('a snapshot that ends no later than what is here or was trusted is stale, also a pinned one', async (t) => {
  const manifest = await signedManifest([a]);
  for (const trust of [{ signers: ALL }, { hash: manifest.hash }]) {
    const with_ = (height: number): TrustDeps => deps(trust, { newest: { height, hash: 'aa' } });
    await checkTrust(manifest, with_(499));
    await refused(t, checkTrust(manifest, with_(500)), 'SNAPSHOT_STALE');
    await refused(t, checkTrust(manifest, with_(501)), 'SNAPSHOT_STALE');
    await checkTrust(manifest, deps(trust, { newest: null }));
  }
});

test('a pinned hash needs no signature and knows no age', async (t) => {
  const manifest = plainManifest();
  for (const now of [0, MADE, MADE * 3]) {
    const verdict = await checkTrust(manifest, deps({ hash: manifest.hash }, { now: () => now }));
    t.deepEqual(verdict, { signers: [], pinned: true });
  }
  const message = await refused(t, checkTrust(manifest, deps({ hash: OTHER_HASH })), 'SNAPSHOT_UNTRUSTED');
  t.true(message.includes(manifest.hash) && message.includes(OTHER_HASH));
});

test('signatures do not help against a pinned hash alone, and beside signers it is one more way in', async (t) => {
  const manifest = await signedManifest([a, b, c]);
  await refused(t, checkTrust(manifest, deps({ hash: OTHER_HASH })), 'SNAPSHOT_UNTRUSTED');
  t.false((await checkTrust(manifest, deps({ hash: OTHER_HASH, signers: ALL }))).pinned);
  t.true((await checkTrust(plainManifest(), deps({ hash: manifest.hash, signers: ALL }))).pinned);
  const unsigned = checkTrust(plainManifest(), deps({ hash: OTHER_HASH, signers: ALL }));
  await refused(t, unsigned, 'SNAPSHOT_UNTRUSTED');
});

test('without an anchor nothing is taken, however well it is signed', async (t) => {
  const manifest = await signedManifest([a, b, c]);
  await refused(t, checkTrust(manifest, deps(null)), 'SNAPSHOT_UNTRUSTED');
  const nobody = { signers: [], threshold: 0, hash: null, maxAgeMs: null };
  await refused(t, checkTrust(manifest, deps(null, { trust: nobody })), 'SNAPSHOT_UNTRUSTED');
});

test('settings that were not checked do not open the door', async (t) => {
  const manifest = plainManifest();
  for (const threshold of [0, -1, Number.NaN]) {
    const trust = { signers: ALL, threshold, hash: null, maxAgeMs: null };
    await refused(t, checkTrust(manifest, deps(null, { trust })), 'SNAPSHOT_UNTRUSTED');
  }
});

test('another chain is named as such, whoever signed', async (t) => {
  const manifest = await signedManifest([a]);
  const trusts = [{ signers: ALL }, { hash: manifest.hash }];
  for (const trust of trusts) {
    for (const ours of [{ chain: 'ethereum' }, { chainId: 'clinic:8' }, { chainId: 'clinic' }])
      await refused(t, checkTrust(manifest, deps(trust, ours)), 'CHAIN_MISMATCH');
    await checkTrust(manifest, deps(trust, { chainId: null }));
  }
});

test('trust settings are completed, and complete ones stay as they are', (t) => {
  const full = trustOptions({ signers: keysOf(a, b) }, scheme);
  t.deepEqual(full, { signers: keysOf(a, b), threshold: 1, hash: null, maxAgeMs: DEFAULT_MAX_AGE_MS });
  t.deepEqual(trustOptions(full, scheme), full);
  const pinned = trustOptions({ hash: OTHER_HASH, maxAgeMs: null });
  t.deepEqual(pinned, { signers: [], threshold: 1, hash: OTHER_HASH, maxAgeMs: null });
  t.deepEqual(trustOptions(pinned), pinned);
});

test("trust settings that can't be meant are a TypeError that names the member", (t) => {
  const key = a.publicKey;
  const bad: readonly (readonly [config: unknown, message: RegExp])[] = [
    [{}, /signers.*hash/],
    [{ signers: [] }, /signers.*hash/],
    [{ signers: [], hash: null }, /signers.*hash/],
    [{ signers: key }, /`trust.signers`/],
    [{ signers: [key, key] }, /signers\[1\].*same as/],
    [{ signers: [key, ''] }, /signers\[1\]/],
    [{ signers: [7] }, /signers\[0\]/],
    [{ signers: [key.toUpperCase()] }, /signers\[0\].*secp256k1/],
    [{ signers: [`04${key.slice(2)}`] }, /signers\[0\]/],
    [{ signers: [`0x${key}`] }, /signers\[0\]/],
    [{ signers: [`02${'f'.repeat(64)}`] }, /signers\[0\]/],
    [{ signers: [key], threshold: 0 }, /threshold.*from 1 to 1/],
    [{ signers: [key], threshold: 2 }, /threshold/],
    [{ signers: [key], threshold: 1.5 }, /threshold/],
    [{ signers: [key], threshold: Number.NaN }, /threshold/],
    [{ signers: [key], threshold: '1' }, /threshold/],
    [{ signers: [key], threshold: null }, /threshold/],
    [{ hash: OTHER_HASH, threshold: 2 }, /threshold/],
    [{ hash: OTHER_HASH.slice(1) }, /`trust.hash`/],
    [{ hash: 'A'.repeat(64) }, /`trust.hash`/],
    [{ hash: `${OTHER_HASH}\n` }, /`trust.hash`/],
    [{ hash: 7 }, /`trust.hash`/],
    [{ signers: [key], maxAgeMs: 0 }, /maxAgeMs/],
    [{ signers: [key], maxAgeMs: Number.POSITIVE_INFINITY }, /maxAgeMs/],
    [{ signers: [key], maxAgeMs: Number.NaN }, /maxAgeMs/],
    [{ signers: [key], maxAgeMs: '1' }, /maxAgeMs/],
    [{ signers: [key, b.publicKey], treshold: 2 }, /`trust\.treshold`.*`trust\.threshold`/],
  ];
  for (const [config, message] of bad)
    t.throws(() => trustOptions(config as TrustConfig, scheme), { instanceOf: TypeError, message });
  t.notThrows(() => trustOptions({ signers: ['a key of another scheme'.replaceAll(' ', '-')] }));
});
