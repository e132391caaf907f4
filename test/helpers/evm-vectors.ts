import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ethereum, evmBft, type EvmBftOptions } from '../../plugins/chain-ethereum/index.js';
import type { ChainRules } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { sharedPath } from './shared.js';

/** A file of the shared inputs that holds one block of the Ethereum family. */
export interface ChainVector {
  readonly name: string;
  readonly document: Uint8Array;
  /** Rules that it is meant for. */
  readonly rules: ChainRules;
  /** How those are configured, in words. */
  readonly configuration: string;
  readonly options: EvmBftOptions;
  /** What must be found wrong with it, by code and message; `null` for a genuine block. */
  readonly refusal: { readonly code: string; readonly message: RegExp } | null;
}

interface Answer {
  readonly validators?: readonly string[];
  readonly signer?: string;
  readonly height?: number;
}

const PLAIN = { rules: ethereum().create(), configuration: 'ethereum', options: {} };

/** Why each altered block is refused: the file's name begins or ends with the word. */
const REFUSALS: readonly (readonly [name: RegExp, code: string, message: RegExp])[] = [
  [/sixth-item/, 'BLOCK_MALFORMED', /list of 6 items, not 5/],
  [/high-s/, 'SIGNATURE_INVALID', /high s/],
  [/double-seal/, 'SIGNATURE_INVALID', /second one by the validator/],
  [/no-seal/, 'SIGNATURE_INVALID', /has 0 commit seals/],
  [/below-quorum/, 'SIGNATURE_INVALID', /has 2 commit seals; 4 validators need 3/],
  [/round-changed/, 'SIGNATURE_INVALID', /none of its \d+ validators/],
  [/validators-changed|proposer-seal-is-commit-seal/, 'HASH_MISMATCH', /its bytes have/],
  [/hive-30-|bad-transactions/, 'HASH_MISMATCH', /transactionsRoot/],
  [/withdrawal-plus-1/, 'HASH_MISMATCH', /withdrawalsRoot/],
  [/nil_data/, 'BLOCK_MALFORMED', /no object in "withdrawals"/],
];

/** The blocks of the Ethereum family among the shared inputs: genuine ones and altered ones; none where they are missing. */
export function chainVectors(): readonly ChainVector[] {
  const genuine = ['ethereum', 'clique', 'evm-bft'].flatMap((folder) =>
    vectorsIn(`vectors/chains/${folder}`),
  );
  return [
    ...genuine,
    ...vectorsIn('data/ethereum'),
    ...vectorsIn('vectors/chains/negative'),
    ...vectorsIn('cases/inputs').filter(({ name }) => /^cases\/inputs\/(?:besu|op)-/.test(name)),
  ];
}

function vectorsIn(folder: string): readonly ChainVector[] {
  const path = sharedPath(folder);
  if (path === null) return [];
  const answers = answersOf(sharedPath('vectors/chains') ?? path);
  return readdirSync(path)
    .filter((file) => file.endsWith('.json') && file !== 'answers.json')
    .flatMap((file): ChainVector[] => {
      const text = readFileSync(join(path, file), 'utf8');
      if (!text.includes('"parentHash"')) return [];
      const key = `${folder.replace('vectors/chains/', '')}/${file}`;
      // Those of data/ethereum were printed on many lines.
      const document = Buffer.from(text.trim().replace(/\n\s*/g, ''));
      return [
        { name: `${folder}/${file}`, document, ...rulesFor(file, answers[key]), refusal: refusalOf(file) },
      ];
    });
}

function answersOf(folder: string): Readonly<Record<string, Answer>> {
  const file = join(folder, 'answers.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Answer>) : {};
}

/** Genuine blocks that seals are in are checked with the validators that the answers name. */
function rulesFor(
  file: string,
  answer: Answer | undefined,
): Pick<ChainVector, 'rules' | 'configuration' | 'options'> {
  const isSealed = /ibft|qbft|istanbul|goerli/i.test(file);
  if (!isSealed) return PLAIN;
  const { validators, height = 0 } = answer ?? {};
  if (validators === undefined) return { rules: evmBft().create(), configuration: 'evm-bft', options: {} };
  const pinned = { validators: [{ from: height, list: validators }] };
  const count = validators.length === 1 ? '1 validator' : `${validators.length} validators`;
  const configuration = `evm-bft, ${count} named`;
  return { rules: evmBft(pinned).create(), configuration, options: pinned };
}

function refusalOf(file: string): ChainVector['refusal'] {
  const found = REFUSALS.find(([name]) => name.test(file));
  if (found === undefined || file === 'hive-30.json') return null;
  return { code: found[1], message: found[2] };
}

/** What rules say of a document: `null` where they take it. */
export function refusalBy(
  rules: ChainRules,
  document: Uint8Array,
): { readonly code: string; readonly message: string } | null {
  try {
    rules.verify(document, null);
    return null;
  } catch (error) {
    if (!isSyncError(error)) throw error;
    return { code: error.code, message: error.message };
  }
}
