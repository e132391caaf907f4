import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import test from 'ava';
import { recoverP256 } from '../../plugins/chain-ethereum/bft/p256.js';
import { evmBft } from '../../plugins/chain-ethereum/index.js';
import { openChain } from '../../src/index.js';
import { refusalBy } from '../helpers/evm-vectors.js';
import { p256Validator } from '../helpers/p256-seal.js';
import { qbftBlock, validator } from '../helpers/qbft-chain.js';

const ZERO = `0x${'00'.repeat(32)}`;

function publicBytes(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

test('The key is recovered that made a signature of Node on P-256, and another one of an altered one', (t) => {
  for (let round = 0; round < 40; round++) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const message = Buffer.from(`message ${round}`);
    const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const digest = createHash('sha256').update(message).digest();
    const found = [0, 1].map((odd) => recoverP256(Buffer.concat([signature, Buffer.of(odd)]), digest));
    const right = found.filter((key) => key !== null && publicBytes(publicKey).equals(key));
    t.is(right.length, 1, `round ${round}`);
    digest[0] = (digest[0] as number) ^ 1;
    for (const odd of [0, 1]) {
      const other = recoverP256(Buffer.concat([signature, Buffer.of(odd)]), digest);
      t.false(other !== null && publicBytes(publicKey).equals(other));
    }
  }
});

test('What is no signature on P-256 is none', (t) => {
  const digest = Buffer.alloc(32, 1);
  const of = (r: string, s: string): Uint8Array | null =>
    recoverP256(Buffer.from(`${r.padStart(64, '0')}${s.padStart(64, '0')}00`, 'hex'), digest);
  const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
  for (const [r, s] of [
    ['0', '1'],
    ['1', '0'],
    [order, '1'],
    ['5', order],
    ['ff'.repeat(32), '1'],
  ] as const)
    t.is(of(r, s), null, `${r} ${s}`);
});

test('A chain whose validators have keys of P-256 is taken by its curve, and refused by the other', async (t) => {
  const validators = await Promise.all([1, 2, 3, 4].map(p256Validator));
  const list = validators.map(({ address }) => address);
  const genesis = await qbftBlock({ height: 0, parent: ZERO, validators });
  const one = await qbftBlock({ height: 1, parent: genesis.hash, validators });
  const options = { validators: [{ from: 0, list }] };
  const chain = await openChain({
    storage: { use: 'memory' },
    chain: evmBft({ ...options, ecCurve: 'secp256r1' }),
  });
  t.teardown(() => chain.close());
  await chain.append([genesis.document, one.document]);
  t.is(refusalBy(evmBft(options).create(), one.document)?.code, 'SIGNATURE_INVALID');
  const stranger = await p256Validator(9);
  const sealers = [...validators.slice(0, 2), stranger];
  const forged = await qbftBlock({ height: 2, parent: one.hash, validators, sealers });
  await t.throwsAsync(chain.append([forged.document]), { message: /none of its 4 validators/ });
  const k1 = await Promise.all([1, 2, 3, 4].map(validator));
  const other = await qbftBlock({ height: 2, parent: one.hash, validators, sealers: k1 });
  await t.throwsAsync(chain.append([other.document]), { code: 'SIGNATURE_INVALID' });
  t.throws(() => evmBft({ ecCurve: 'secp256r1', members: 'known' }), { instanceOf: TypeError });
});
