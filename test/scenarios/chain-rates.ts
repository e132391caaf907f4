import { bitcoin } from '../../plugins/chain-bitcoin/index.js';
import { cometbft } from '../../plugins/chain-cometbft/index.js';
import { fabric } from '../../plugins/chain-fabric/index.js';
import { linked } from '../../plugins/chain-linked/index.js';
import type { ChainRulesPlugin } from '../../src/contracts/index.js';
import { minedChain } from '../helpers/bitcoin-chain.js';
import { certificate } from '../helpers/certificates.js';

import { cometbftChain, validatorsOf } from '../helpers/cometbft-chain.js';
import { fabricChain, transaction } from '../helpers/fabric-chain.js';
import { measureRate, RATES_HEAD } from './rates.js';

const BLOCKS = 50;

const documentOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** How many blocks of made chains one core verifies: in processor time, since others may work beside it. */
export function chainRates(): Promise<void> {
  console.log(RATES_HEAD);
  measureMade();
  return Promise.resolve();
}

/** The rows of {@link chainRates}. */
export function measureMade(): void {
  for (const validators of [4, 100]) cometbftRates(validators);
  fabricRates();
  measure('bitcoin', 'two transactions', bitcoin(), minedChain(BLOCKS));
  const paths = { height: 'block.header.height', hash: 'block_id.hash' };
  const rules = linked({ ...paths, previousHash: 'block.header.last_block_id.hash' });
  const chain = cometbftChain({ count: BLOCKS }).map(documentOf);
  measure('linked', 'of cometbft, by paths', rules, chain);
}

function cometbftRates(count: number): void {
  const validators = validatorsOf(Array.from({ length: count }, (_, at) => at + 1));
  const blocks = cometbftChain({ count: BLOCKS, validatorsAt: () => validators });
  measure(
    'cometbft',
    `${count} validators, commits`,
    cometbft({ commits: 'required' }),
    blocks.map(documentOf),
  );
  const bare = blocks.map(({ block, block_id }) => documentOf({ block, block_id }));
  measure('cometbft', `${count} validators, no commits`, cometbft(), bare);
}

function fabricRates(): void {
  const root = certificate({ name: ['ca', 'admin'], issuer: null, isAuthority: true });
  const orderer = certificate({ name: ['orderer', 'orderer'], issuer: root });
  const signerAt = (): typeof orderer => orderer;
  const transactionsAt = (height: number): readonly object[] =>
    Array.from({ length: 10 }, (_, at) => transaction(height, `value ${at}`));
  const options = { count: BLOCKS, signerAt, transactionsAt };
  const pinned = fabric({ orderers: [{ mspId: 'OrdererMSP', roots: [root.pem] }] });
  measure('fabric', 'raw, 10 transactions, signed', pinned, fabricChain(options));
  measure('fabric', 'JSON, 10 transactions, signed', pinned, fabricChain({ ...options, isJson: () => true }));
}

function measure(
  name: string,
  what: string,
  plugin: ChainRulesPlugin,
  documents: readonly Uint8Array[],
): void {
  measureRate(name, what, plugin.create(), documents, { isChain: true });
}
