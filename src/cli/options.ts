import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option } from 'commander';
import { MAX_PARTS } from '../../plugins/transport-snapshot/manifest.js';
import { type ChainPlan, chainPlan } from '../config/chain-plan.js';
import { peer } from '../config/peers.js';
import { producerKey } from '../config/producers.js';
import type { ChainConfig, StorageConfig } from '../config/types.js';
import type { ProducerSet } from '../chain/producers.js';
import type { BlockRef, ChainRulesPlugin, Peer } from '../contracts/index.js';
import { DEFAULT_ENGINE_LIMITS } from '../engine/engine-parts.js';
import { parseHeight } from '../internal/height.js';
import { integer, isRefusal, type Reader } from '../internal/options/index.js';
import { UsageError } from './exit.js';
import { planned } from './planned.js';
import { storeUrl } from './store-url.js';

/**
 * Reads a number out of its text. What numbers an option takes is said by the plan that it is part of, or by
 * {@link numberOf}.
 *
 * @throws InvalidArgumentError
 */
export function wholeNumber(text: string): number {
  const value = parseHeight(text);
  if (value === null) throw new InvalidArgumentError('It must be an integer from 0 to 2^53−1, in digits.');
  return value;
}

/** Reads a number that is part of no plan. @throws InvalidArgumentError */
export function numberOf(reader: Reader<number>): (text: string) => number {
  return (text) => readBy(reader, wholeNumber(text));
}

/** Reads a text that is part of no plan. @throws InvalidArgumentError */
export function filled(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** An option whose values and default are those of a reader. @param flags - `--type <type>` */
export function choiceOf(reader: Reader<string>, flags: string, description: string): Option {
  const option = new Option(flags, description).choices(reader.choices ?? []);
  return reader.fallback === undefined ? option : option.default(reader.fallback);
}

/** Reads a JSON file. @throws InvalidArgumentError */
function jsonFile(path: string): object {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as object;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`Reading ${path} failed: ${reason}`);
  }
}

/** Adds a text to those before it. */
export function texts(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Reads the address of a peer that no engine has. @throws InvalidArgumentError */
export function peerOf(text: string): Peer {
  return readBy(peer, text);
}

/** Adds a peer's address to those before it. @throws InvalidArgumentError */
export function peersOf(text: string, before: readonly Peer[] = []): readonly Peer[] {
  return [...before, peerOf(text)];
}

/** Adds a block that is known to those before it. @throws InvalidArgumentError */
function checkpointsOf(text: string, before: readonly BlockRef[] = []): readonly BlockRef[] {
  return [...before, blockRef(text)];
}

/** A key that may sign from a height on. */
export interface ProducerArgument {
  readonly from: number;
  readonly key: string;
}

/** Adds a producer's key, as [HEIGHT:]KEY, to those before it. @throws InvalidArgumentError */
export function producersOf(
  text: string,
  before: readonly ProducerArgument[] = [],
): readonly ProducerArgument[] {
  const [, height = '0', key = ''] = /^(?:(\d+):)?(.*)$/s.exec(text) ?? [];
  return [...before, { from: wholeNumber(height), key: readBy(producerKey, key) }];
}

/** One set of keys for each height that is named, in ascending order. */
function producerSets(given: readonly ProducerArgument[]): readonly ProducerSet[] {
  const heights = [...new Set(given.map(({ from }) => from))].sort((a, b) => a - b);
  return heights.map((from) => ({
    from,
    keys: given.filter((one) => one.from === from).map(({ key }) => key),
  }));
}

function readBy<T>(reader: Reader<T>, value: unknown): T {
  try {
    return reader.read(value, { owner: 'It', path: '' });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new InvalidArgumentError(error.message.replace('It: the argument', 'It'));
  }
}

/** Reads a block, as HEIGHT:HASH. @throws InvalidArgumentError */
export function blockRef(text: string): BlockRef {
  const [, height = '', hash = ''] = /^(\d+):(.+)$/.exec(text) ?? [];
  if (hash === '') throw new InvalidArgumentError('It must be HEIGHT:HASH.');
  return { height: wholeNumber(height), hash };
}

/** What {@link OPTION.finalityDepth} asks for; `null` when it isn't given. */
export function finalityOf({ finalityDepth }: { readonly finalityDepth?: number }): { depth: number } | null {
  return finalityDepth === undefined ? null : { depth: finalityDepth };
}

/** Options that several commands have, spelled and explained once. */
export const OPTION = {
  data: (): Option => new Option('--data <dir>', 'directory of the store').makeOptionMandatory(),
  /** Where {@link OPTION.store} may stand in its place. */
  dataOrStore: (): Option => new Option('--data <dir>', 'directory of the store'),
  store: (): Option =>
    new Option(
      '--store <url>',
      'store in PostgreSQL, as postgres://user@host/database?store=main; its password comes from PGPASSWORD or a pgpass file',
    ).conflicts('data'),
  role: (): Option =>
    new Option(
      '--role <role>',
      'of the processes that share a store of --store: the one that writes it, one that reads it, or one that reads it and takes over when no one writes it (default: writer with --ingest or --peer, else reader)',
    ).choices(['writer', 'reader', 'auto']),
  chain: (): Option =>
    new Option(
      '--chain <rules>',
      'chain rules: sealed-json, ethereum, evm-bft, cometbft, bitcoin, fabric, linked:HEIGHT,HASH,PARENT, or a module (./rules.mjs, a package) whose default export is their plugin (default: those of the store, else sealed-json)',
    ),
  chainOptions: (): Option =>
    new Option(
      '--chain-options <file>',
      'JSON file with options of the rules that --chain names: whom to trust, what a block must have',
    ).argParser(jsonFile),
  chainId: (): Option =>
    new Option(
      '--chain-id <id>',
      'name of the chain, or hash of its first block; no other chain is taken (default: that of the store, else of the peer)',
    ).argParser(filled),
  base: (): Option =>
    new Option('--base <height>', 'height of the first block of a new store')
      .argParser(wholeNumber)
      .default(0),
  checkpoint: (): Option =>
    new Option(
      '--checkpoint <height:hash>',
      'block that is known: no other one is taken at its height, or held there; may be given several times',
    ).argParser(checkpointsOf),
  producer: (): Option =>
    new Option(
      '--producer <[height:]key>',
      'public key that may sign blocks from a height on (default: 0), in place of those of lower heights; no block without such a signature is taken; may be given several times',
    ).argParser(producersOf),
  maxBlockBytes: (): Option =>
    new Option('--max-block-bytes <n>', 'largest block taken, in bytes')
      .argParser(wholeNumber)
      .default(DEFAULT_ENGINE_LIMITS.maxBlockBytes),
  maxParts: (): Option =>
    new Option('--max-parts <n>', 'most parts of a snapshot, up to 1,000,000 (default: 100,000)').argParser(
      numberOf(integer({ min: 1, max: MAX_PARTS })),
    ),
  finalityDepth: (): Option =>
    new Option(
      '--finality-depth <n>',
      'blocks so far below the newest are final: no fork takes them back (default: none are)',
    ).argParser(wholeNumber),
  state: (): Option =>
    new Option(
      '--state <module>',
      'path of an ES module whose default export is the state transition that keeps the accounts and contracts',
    ).argParser(filled),
  json: (): Option => new Option('--json', 'one JSON object a line; the last one has "event":"done"'),
};

/** Values of {@link OPTION.role}. */
export type StoreRole = 'writer' | 'reader' | 'auto';

/** What says which store to open and how. */
export interface StoreOptions {
  readonly data?: string;
  readonly store?: string;
  readonly role?: StoreRole;
  readonly chain?: string | ChainRulesPlugin;
  readonly chainOptions?: object;
  readonly chainId?: string;
  readonly base?: number;
  readonly maxBlockBytes?: number;
  readonly checkpoint?: readonly BlockRef[];
  readonly producer?: readonly ProducerArgument[];
}

/** The place of a store. Without `createIfMissing` it is only read. @throws UsageError when there is none */
function storagePlace({ data, store, role }: StoreOptions, createIfMissing: boolean): StorageConfig {
  if (store !== undefined)
    return { ...storeUrl(store), role: role ?? (createIfMissing ? 'writer' : 'reader') };
  if (role !== undefined) throw new UsageError('--role needs --store.');
  if (data !== undefined) return { use: 'leveldb', location: data, createIfMissing };
  throw new UsageError('Give --data or --store.');
}

/** The configuration of a store. Without `createIfMissing`, a missing one is `STORE_NOT_FOUND`. */
export function storeConfig(options: StoreOptions, createIfMissing: boolean): ChainConfig {
  const {
    chain = null,
    chainOptions = null,
    chainId = null,
    base,
    maxBlockBytes,
    checkpoint,
    producer,
  } = options;
  return {
    storage: storagePlace(options, createIfMissing),
    chain,
    chainOptions,
    chainId,
    ...(base === undefined ? {} : { base }),
    ...(checkpoint === undefined ? {} : { checkpoints: checkpoint }),
    ...(producer === undefined ? {} : { producers: producerSets(producer) }),
    ...(maxBlockBytes === undefined ? {} : { limits: { maxBlockBytes } }),
  };
}

/** What the chain in a store is opened with. @throws UsageError for what the plan refuses */
export function storePlan(
  options: StoreOptions,
  createIfMissing: boolean,
  more: Pick<ChainConfig, 'stateTransition' | 'finality'> = {},
): ChainPlan {
  return planned(() => chainPlan({ ...storeConfig(options, createIfMissing), ...more }));
}
