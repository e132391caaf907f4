import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ethereum, evmBft } from '../../plugins/chain-ethereum/index.js';
import { allWays } from '../cli/qbft-ways.js';
import { cliqueChain } from '../helpers/clique-chain.js';
import { type ChainVector, chainVectors, refusalBy } from '../helpers/evm-vectors.js';
import { type QbftChain, qbftChain, validator } from '../helpers/qbft-chain.js';
import { sharedPath } from '../helpers/shared.js';
import { measureRate, RATES_HEAD } from './rates.js';

/** What the rules of the Ethereum family say of each real block, how fast they are, and long chains of QBFT and Clique by every way. */
export async function chains(): Promise<void> {
  console.log('\n| block | rules | result | proved |\n|---|---|---|---|');
  const wrong = chainVectors().filter((vector) => !judge(vector)).length;
  console.log(`\n${wrong} wrong\n${RATES_HEAD}`);
  measureEthereum();
  const chain = await qbftChain(220, { addFrom: 50, removeFrom: 120 });
  measureRate('evm-bft', 'QBFT, 3 or 4 seals, made', evmBft().create(), chain.documents, { isChain: true });
  await longChain(`QBFT, validators changed at ${chain.changes.join(' and ')}`, chain, {});
  const clique = await cliqueChain(120, { epochBlocks: 50, addFrom: 61 });
  const first = await Promise.all([0, 1, 2].map(validator));
  const documents = clique.map(({ document }) => document);
  await longChain('Clique, a signer more from 63 on', { documents, first }, { epochBlocks: 50 });
  if (wrong > 0) throw new Error(`${wrong} blocks were not judged as they should be.`);
}

/** Prints what rules say of a block. @returns whether that is right */
function judge({ name, rules, configuration, document, refusal }: ChainVector): boolean {
  const found = refusalBy(rules, document);
  const isRight =
    refusal === null ? found === null : found?.code === refusal.code && refusal.message.test(found.message);
  const result =
    found === null ? 'taken' : `${found.code}: ${found.message.replace(/0x[0-9a-f]{16,}/g, '0x…')}`;
  const proved = found === null ? `${(rules.proves ?? []).join(', ')}; ${rules.authorship ?? 'none'}` : '–';
  console.log(`| ${isRight ? '' : '**WRONG** '}${name} | ${configuration} | ${result} | ${proved} |`);
  return isRight;
}

export function measureEthereum(): void {
  const rules = ethereum().create();
  const mainnet = sharedPath('data/ethereum/eth-mainnet-0-8191.ndjson.gz');
  if (mainnet !== null) {
    const lines = gunzipSync(readFileSync(mainnet)).toString().trimEnd().split('\n');
    measureRate(
      'ethereum',
      'mainnet 0–8191',
      rules,
      lines.map((line) => Buffer.from(line)),
    );
  }
  for (const { name, document, refusal } of chainVectors()) {
    if (refusal === null && name.startsWith('data/ethereum/'))
      measureRate('ethereum', name, rules, [document]);
  }
}

async function longChain(
  title: string,
  chain: Pick<QbftChain, 'documents' | 'first'>,
  options: Readonly<Record<string, unknown>>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'chains-'));
  const undo: (() => unknown)[] = [];
  try {
    const { ways, status } = await allWays({ teardown: (fn) => void undo.push(fn) }, dir, chain, options);
    console.log(`\n${title}: ${chain.documents.length} blocks`);
    console.log(
      `status: proves ${JSON.stringify(status['proves'])}, authorship ${JSON.stringify(status['authorship'])}`,
    );
    for (const { name, finished, isEqual } of ways) {
      console.log(
        `${name}: exit ${String(finished.code)}, ${isEqual ? 'byte for byte' : 'DIFFERENT'} ${finished.stderr}`,
      );
      if (finished.code !== 0 || !isEqual) throw new Error(`${name} failed.`);
    }
  } finally {
    for (const each of undo.reverse()) await each();
    rmSync(dir, { recursive: true, force: true });
  }
}
