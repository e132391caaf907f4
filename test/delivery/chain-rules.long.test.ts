import { createHash } from 'node:crypto';
import test from 'ava';
import { bitcoin } from '../../plugins/chain-bitcoin/index.js';
import { cometbft } from '../../plugins/chain-cometbft/index.js';
import { fabric } from '../../plugins/chain-fabric/index.js';
import { linked } from '../../plugins/chain-linked/index.js';
import type { ChainRulesPlugin } from '../../src/contracts/index.js';
import { certificate } from '../helpers/certificates.js';
import { documentOf } from '../helpers/chain-vectors.js';
import { cometbftChain, validatorsOf } from '../helpers/cometbft-chain.js';
import { fabricChain } from '../helpers/fabric-chain.js';
import { minedChain } from '../helpers/bitcoin-chain.js';
import { type Delivery, WAYS } from './ways.js';

const MIB = 1024 * 1024;

interface Chain {
  readonly rules: ChainRulesPlugin;
  /** For the command line. */
  readonly options: object | null;
  readonly base: number;
  readonly documents: readonly Uint8Array[];
}

function cometbftChains(): Chain {
  const sets = [validatorsOf([4, 3, 2, 1]), validatorsOf([4, 3, 3, 1]), validatorsOf([9, 3, 3, 1, 1], 'new')];
  const validatorsAt = (height: number): ReturnType<typeof validatorsOf> =>
    sets[Math.floor(height / 20) % 3] ?? [];
  const documents = cometbftChain({ count: 70, first: 1, validatorsAt }).map(documentOf);
  const options = { commits: 'required', members: 'known' } as const;
  return { rules: cometbft(options), options, base: 1, documents };
}

function fabricChains(): Chain {
  const root = certificate({ name: ['ca', 'admin'], issuer: null, isAuthority: true });
  const orderers = [1, 2, 3].map((at) => certificate({ name: [`orderer ${at}`, 'orderer'], issuer: root }));
  const signerAt = (height: number): ReturnType<typeof certificate> | null => orderers[height % 3] ?? null;
  const documents = fabricChain({ count: 150, signerAt, isJson: (height) => height % 2 === 1 });
  const options = { orderers: [{ mspId: 'OrdererMSP', roots: [root.pem] }], members: 'known' } as const;
  return { rules: fabric(options), options, base: 0, documents };
}

function linkedChains(): Chain {
  const id = (height: number): string => createHash('sha256').update(`${height}`).digest('base64');
  const documents = Array.from({ length: 60 }, (_, height) =>
    documentOf({
      id: { hash: id(height) },
      head: { height, at: 1_700_000_000 + height, last: height === 0 ? null : { hash: id(height - 1) } },
    }),
  );
  const paths = { height: 'head.height', hash: 'id.hash', previousHash: 'head.last.hash' };
  const rules = linked({ ...paths, timestamp: 'head.at', timestampUnit: 's' });
  return { rules, options: null, base: 0, documents };
}

const CHAINS: Readonly<Record<string, () => Chain>> = {
  cometbft: cometbftChains,
  fabric: fabricChains,
  bitcoin: () => ({ rules: bitcoin(), options: null, base: 0, documents: minedChain(60) }),
  linked: linkedChains,
};

for (const [name, make] of Object.entries(CHAINS)) {
  test.serial(`a chain of ${name} arrives byte for byte by each way, checked on each node`, async (t) => {
    t.timeout(180_000);
    const { rules, options, base, documents } = make();
    const chain = { rules, options, base };
    const delivery: Delivery = { t, documents, maxBlockBytes: MIB, storeCodec: 'gzip', asked: 'gzip', chain };
    for (const [way, deliver] of Object.entries(WAYS)) {
      const arrived = await deliver(delivery);
      t.true(Buffer.concat(documents).equals(Buffer.concat(arrived)), way);
      t.is(arrived.length, documents.length, way);
    }
  });
}
