import { join } from 'node:path';
import { bitcoin } from '../../../plugins/chain-bitcoin/index.js';
import { cometbft } from '../../../plugins/chain-cometbft/index.js';
import { ethereum, evmBft } from '../../../plugins/chain-ethereum/index.js';
import { fabric } from '../../../plugins/chain-fabric/index.js';
import { sealedJson } from '../../../plugins/chain-sealed-json/index.js';
import type { ChainRulesPlugin } from '../../../src/contracts/index.js';
import { cliqueChain } from '../../helpers/clique-chain.js';
import { qbftChain } from '../../helpers/qbft-chain.js';
import { projectRoot } from '../../helpers/shared.js';
import { sealedChain } from '../../helpers/sealed-chain.js';
import { measureMade } from '../chain-rates.js';
import { measureEthereum } from '../chains.js';
import { measureRate, RATES_HEAD } from '../rates.js';
import type { Input } from './input.js';
import { caseInputs, dataInputs } from './others.js';
import { cell, type Outcome, outcomeOf } from './outcome.js';
import { vectorInputs } from './vectors.js';

/** A built checkout of another version, whose command gets the same inputs; `null` for none. */
const AGAINST = process.env['INPUTS_AGAINST'] ?? null;
const MAIN = join('dist', 'src', 'cli', 'main.js');
/** As many processes at once. */
const AT_ONCE = 2;
/** Of what no rule covers, this is taken, and must not be said to be proved. */
const UNCOVERED = /basic-4-invalidated/;
const BLOCKS = 50;

const RULES: Readonly<Record<string, (options: object) => ChainRulesPlugin>> = {
  ethereum,
  'evm-bft': evmBft,
  cometbft,
  bitcoin,
  fabric,
  'sealed-json': sealedJson,
};

/** What came of an input. */
interface Row {
  readonly each: Input;
  readonly before: Outcome | null;
  readonly now: Outcome;
  readonly isRight: boolean;
}

/**
 * All of the shared inputs through the command: what happens, under which configuration, what is proved; with
 * `INPUTS_AGAINST=DIR`, what the build in that folder does too. And how fast each of the rules is.
 */
export async function inputs(): Promise<void> {
  const all = [...vectorInputs(), ...caseInputs(), ...dataInputs()];
  console.log('\n| input | before | now | configuration | proved; authorship |\n|---|---|---|---|---|');
  const rows = await inTurns(all, async (each) => {
    const before = AGAINST === null ? null : await outcomeOf(join(AGAINST, MAIN), each, false);
    const now = await outcomeOf(join(projectRoot, MAIN), each, true);
    return { each, before, now, isRight: isRight(each, now) };
  });
  for (const row of rows) console.log(line(row));
  tell(rows);
  await rates();
  const wrong = rows.filter((row) => !row.isRight).length;
  if (wrong > 0) throw new Error(`${wrong} inputs were not judged as they should be.`);
}

function isRight({ refusal }: Input, { isTaken, text }: Outcome): boolean {
  return refusal === null ? isTaken : !isTaken && refusal.test(text);
}

function line({ each, before, now, isRight: isWell }: Row): string {
  const said = [each.command === 'seal' ? '`seal`' : `\`${each.chain}\``, each.configuration]
    .filter((part) => part !== '')
    .join(', ');
  const proved = now.isTaken && each.command === 'import' ? provedBy(each) : '–';
  const name = `${isWell ? '' : '**WRONG** '}${each.name}`;
  return `| ${name} | ${before === null ? '' : cell(before)} | ${cell(now)} | ${said} | ${proved} |`;
}

function provedBy({ name, chain, options }: Input): string {
  const rules = RULES[chain]?.(options).create();
  const { proves = ['links'], authorship = 'none' } = rules ?? {};
  const uncovered = UNCOVERED.test(name) ? ' (validity flags are not among it)' : '';
  return `${proves.join(', ')}; ${authorship}${uncovered}`;
}

function tell(rows: readonly Row[]): void {
  const isNegative = ({ each: { name } }: Row): boolean => name.includes('/negative/');
  const negatives = rows.filter(isNegative);
  const real = rows.filter((row) => row.each.name.startsWith('vectors/') && !isNegative(row));
  const genuine = rows.filter(({ each }) => each.refusal === null && !each.name.includes('/negative/'));
  const refused = negatives.filter(({ each, isRight: isWell }) => each.refusal !== null && isWell);
  const uncovered = negatives.filter(({ each, now }) => each.refusal === null && now.isTaken);
  const wereTaken = (some: readonly Row[]): string =>
    AGAINST === null ? '' : `; before: ${some.filter(({ before }) => before?.isTaken).length} taken`;
  console.log(
    `\nreal fixtures: ${real.filter(({ now }) => now.isTaken).length} of ${real.length} taken${wereTaken(real)}`,
  );
  console.log(
    `altered: ${refused.length} of ${negatives.length} refused for their reason, ${uncovered.length} taken whose change nothing covers and nothing calls proved${wereTaken(negatives)}`,
  );
  console.log(
    `genuine inputs of all kinds: ${genuine.filter(({ now }) => !now.isTaken).length} of ${genuine.length} refused${wereTaken(genuine)}`,
  );
}

async function rates(): Promise<void> {
  console.log(RATES_HEAD);
  measureRate('sealed-json', 'made', sealedJson().create(), sealedChain(BLOCKS));
  measureEthereum();
  const qbft = await qbftChain(BLOCKS, { addFrom: 10, removeFrom: 25 });
  measureRate('evm-bft', 'QBFT, 3 or 4 seals, made', evmBft().create(), qbft.documents, { isChain: true });
  const clique = await cliqueChain(BLOCKS, { epochBlocks: 10, addFrom: 4 });
  const signed = clique.map(({ document }) => document);
  measureRate('evm-bft', 'Clique, made', evmBft({ epochBlocks: 10 }).create(), signed, { isChain: true });
  measureMade();
}

async function inTurns<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const left = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of left) results.set(index, await run(item));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return items.map((_, index) => results.get(index) as R);
}
