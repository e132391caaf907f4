// The plugins of this folder under the compliance suites, as data: any test runner can run it.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Storage } from 'blockferry';
import {
  chainRulesCompliance,
  type ChainRulesFixture,
  codecCompliance,
  type ComplianceCase,
  storageCompliance,
  type StorageFixture,
} from 'blockferry/testing';
import { summed } from '../plugin-codec.js';
import { fileStorage } from './file-store/index.js';
import { type LedgerOptions, ledgerRules } from './ledger-rules.js';
import { ownCases } from './own-cases.js';

/** The cases of one plugin. */
export interface Suite {
  readonly name: string;
  readonly cases: readonly ComplianceCase[];
}

const root = mkdtempSync(join(tmpdir(), 'file-store-'));

const ledger = ledgerFixture();

/** The suites; `clean` removes what they have left on the disk. */
export const suites: readonly Suite[] = [
  {
    name: 'codec',
    // It does not compress, so no input can expand in it.
    cases: codecCompliance({ codec: summed().create() }).filter(({ id }) => id !== 'CO-15'),
  },
  { name: 'storage', cases: storageCompliance(storageFixture()) },
  { name: 'chain rules', cases: chainRulesCompliance(ledger) },
  { name: 'all three', cases: ownCases(join(root, 'own'), ledger) },
];

export function clean(): void {
  rmSync(root, { recursive: true, force: true });
}

/** A new directory for each storage, and the same one where it is opened again. */
function storageFixture(): StorageFixture {
  const directories = new WeakMap<Storage, string>();
  const at = (directory: string): Storage => {
    const storage = fileStorage(directory).create();
    directories.set(storage, directory);
    return storage;
  };
  let count = 0;
  return {
    create: () => Promise.resolve(at(join(root, String(count++)))),
    reopen: async (storage) => {
      await storage.close();
      return at(directories.get(storage) ?? '');
    },
  };
}

/** Three blocks of a ledger with one orderer. */
function ledgerFixture(): ChainRulesFixture & LedgerOptions {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
  let previous: Uint8Array = Buffer.alloc(32);
  const documents = [0, 1, 2].map((height) => {
    const data = Array.from({ length: height + 1 }, (_, at) =>
      Buffer.from(`{"patient":${height},"event":${at}}`),
    );
    const dataHash = sha256(Buffer.concat(data.map(sha256)));
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(height));
    const hash = sha256(Buffer.concat([number, previous, dataHash]));
    const block = {
      header: {
        number: height,
        previous_hash: Buffer.from(previous).toString('hex'),
        data_hash: dataHash.toString('hex'),
      },
      data: data.map((envelope) => envelope.toString('base64')),
      metadata: { orderer: 0, signature: sign(null, hash, privateKey).toString('base64') },
    };
    previous = hash;
    return Buffer.from(JSON.stringify(block));
  });
  const orderers = [publicKey.export({ type: 'spki', format: 'pem' }).toString()];
  return { orderers, rules: ledgerRules({ orderers }).create(), documents };
}
