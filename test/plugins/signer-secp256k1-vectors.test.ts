import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { secp256k1, secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import { dataTest } from '../helpers/data-test.js';
import { fromDer, isLow, key, toDer, twin } from './signer-support.js';

const scheme = secp256k1().create();

interface Vectors {
  readonly testGroups: readonly {
    readonly publicKey: { readonly uncompressed: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: 'valid' | 'invalid';
    }[];
  }[];
}

interface Vector {
  readonly id: number;
  readonly valid: boolean;
  readonly message: string;
  readonly publicKey: string;
  readonly signature: Buffer;
}

function vectorsOf(file: string): readonly Vector[] {
  const { testGroups } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
  return testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ tcId, msg, sig, result }) => ({
      id: tcId,
      valid: result === 'valid',
      message: Buffer.from(msg, 'hex').toString('latin1'),
      publicKey: compressed(publicKey.uncompressed),
      signature: Buffer.from(sig, 'hex'),
    })),
  );
}

function compressed(uncompressed: string): string {
  const odd = Number.parseInt(uncompressed.slice(-1), 16) % 2 === 1;
  return (odd ? '03' : '02') + uncompressed.slice(2, 66);
}

const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

/** Runs vectors; gives how many were accepted and how many of the false ones got as far as the scheme. */
async function runVectors(
  t: ExecutionContext,
  vectors: readonly Vector[],
  compactOf: (signature: Buffer) => string | null,
): Promise<{ accepted: number; falseOnesChecked: number }> {
  const count = { accepted: 0, falseOnesChecked: 0 };
  for (const { id, valid, message, publicKey, signature } of vectors) {
    const compact = compactOf(signature);
    const accepted = compact !== null && (await scheme.verify(message, compact, publicKey));
    const wanted = valid && compact !== null && isLow(compact) && isAscii(message);
    t.is(accepted, wanted, `test ${id}`);
    if (accepted) count.accepted++;
    if (!valid && compact !== null) count.falseOnesChecked++;
  }
  return count;
}

dataTest(
  'all 463 vectors for low-S signatures are judged right',
  'vectors/wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json',
  async (t, file) => {
    const vectors = vectorsOf(file);
    t.is(vectors.length, 463);
    const { accepted, falseOnesChecked } = await runVectors(t, vectors, fromDer);
    t.deepEqual({ accepted, falseOnesChecked }, { accepted: 162, falseOnesChecked: 82 });
  },
);

dataTest(
  'of the 252 vectors in compact form those with a low S are accepted and no others',
  'vectors/wycheproof/ecdsa_secp256k1_sha256_p1363_test.json',
  async (t, file) => {
    const vectors = vectorsOf(file);
    t.is(vectors.length, 252);
    const { accepted, falseOnesChecked } = await runVectors(t, vectors, (bytes) => bytes.toString('hex'));
    t.deepEqual({ accepted, falseOnesChecked }, { accepted: 95, falseOnesChecked: 85 });
  },
);

dataTest(
  'of the 476 vectors in DER those with a low S are accepted, and a high one once it is made low',
  'vectors/wycheproof/ecdsa_secp256k1_sha256_test.json',
  async (t, file) => {
    const vectors = vectorsOf(file);
    t.is(vectors.length, 476);
    await runVectors(t, vectors, fromDer);
    let turned = 0;
    for (const { id, valid, message, publicKey, signature } of vectors) {
      const compact = fromDer(signature);
      if (!valid || compact === null || isLow(compact) || !isAscii(message)) continue;
      t.true(await scheme.verify(message, twin(compact), publicKey), `test ${id}`);
      turned++;
    }
    t.true(turned > 0);
  },
);

interface Pair {
  readonly publicKey: string;
  readonly secretKey: Uint8Array;
  readonly openssl: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

function opensslPair(): Pair {
  const openssl = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const { x = '', y = '', d = '' } = openssl.privateKey.export({ format: 'jwk' });
  const [xHex, yHex, secret] = [x, y, d].map((text) => Buffer.from(text, 'base64url').toString('hex'));
  return { publicKey: compressed(`04${xHex ?? ''}${yHex ?? ''}`), secretKey: key(secret ?? ''), openssl };
}

test('OpenSSL accepts what is signed here, and the public key is the one it has', async (t) => {
  for (let round = 0; round < 8; round++) {
    const { openssl, publicKey, secretKey } = opensslPair();
    const signer = await secp256k1Signer(secretKey);
    t.is(signer.publicKey, publicKey);
    const message = `blockferry-test:${round}`;
    const signature = await signer.sign(message);
    t.regex(signature, /^[0-9a-f]{128}$/);
    t.true(isLow(signature));
    const bytes = Buffer.from(message);
    t.true(verify('sha256', bytes, openssl.publicKey, toDer(signature)));
    t.false(verify('sha256', Buffer.from(`${message}.`), openssl.publicKey, toDer(signature)));
    t.true(await scheme.verify(message, signature, publicKey));
  }
});

test('what OpenSSL signs is accepted here with a low S, and its twin with the high S never', async (t) => {
  for (let round = 0; round < 16; round++) {
    const { openssl, publicKey } = opensslPair();
    const message = `blockferry-test:${round}`;
    const either = fromDer(sign('sha256', Buffer.from(message), openssl.privateKey)) ?? '';
    const low = isLow(either) ? either : twin(either);
    t.true(await scheme.verify(message, low, publicKey));
    const high = twin(low);
    t.true(verify('sha256', Buffer.from(message), openssl.publicKey, toDer(high)), 'plain ECDSA takes it');
    t.false(await scheme.verify(message, high, publicKey));
  }
});
