import { InvalidArgumentError, Option } from 'commander';
import { parseLinkedId } from '../../plugins/chain-linked/index.js';
import { normalizePeer } from '../config/peers.js';
import type { ChainConfig } from '../config/types.js';
import { DEFAULT_ENGINE_LIMITS } from '../engine/engine-parts.js';
import { parseHeight } from '../internal/height.js';

/** Reads a height. @throws InvalidArgumentError */
export function height(text: string): number {
  const value = parseHeight(text);
  if (value === null) throw new InvalidArgumentError('A height is an integer from 0 to 2^53-1.');
  return value;
}

/** Reads a TCP port; 0 stands for a free one. @throws InvalidArgumentError */
export function port(text: string): number {
  const value = parseHeight(text);
  if (value === null || value > 65_535)
    throw new InvalidArgumentError('A port is an integer from 0 to 65535.');
  return value;
}

/** Adds a peer's address to those before it. @throws InvalidArgumentError */
export function peers(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, peer(text)];
}

/** Checks a peer's address. @throws InvalidArgumentError */
export function peer(text: string): string {
  asArgument(() => normalizePeer(text));
  return text;
}

function chainRules(text: string): string {
  if (text.startsWith('linked:')) asArgument(() => parseLinkedId(text));
  return text;
}

/** Adds a text to those before it. */
export function texts(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Reads a count. @throws InvalidArgumentError */
export function positive(text: string): number {
  const value = parseHeight(text);
  if (value === null || value === 0) throw new InvalidArgumentError('An integer, at least 1.');
  return value;
}

function byteCount(text: string): number {
  const value = parseHeight(text);
  if (value === null || value === 0) throw new InvalidArgumentError('A number of bytes, at least 1.');
  return value;
}

function asArgument(check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

/** What {@link OPTION.finalityDepth} asks for; `null` when it isn't given. */
export function finalityOf({ finalityDepth }: { readonly finalityDepth?: number }): { depth: number } | null {
  return finalityDepth === undefined ? null : { depth: finalityDepth };
}

/** Options that several commands have, spelled and explained once. */
export const OPTION = {
  data: (): Option => new Option('--data <dir>', 'directory of the store').makeOptionMandatory(),
  chain: (): Option =>
    new Option(
      '--chain <rules>',
      'chain rules: sealed-json, ethereum or linked:HEIGHT,HASH,PARENT (default: those of the store, else sealed-json)',
    ).argParser(chainRules),
  base: (): Option =>
    new Option('--base <height>', 'height of the first block of a new store').argParser(height).default(0),
  maxBlockBytes: (): Option =>
    new Option('--max-block-bytes <n>', 'largest block taken, in bytes')
      .argParser(byteCount)
      .default(DEFAULT_ENGINE_LIMITS.maxBlockBytes),
  finalityDepth: (): Option =>
    new Option(
      '--finality-depth <n>',
      'blocks so far below the newest are final: no fork takes them back (default: none are)',
    ).argParser(height),
  state: (): Option =>
    new Option(
      '--state <module>',
      'path of an ES module whose default export is the state transition that keeps the accounts and contracts',
    ),
  json: (): Option => new Option('--json', 'one JSON object a line; the last one has "event":"done"'),
};

/** What says which store to open and how. */
export interface StoreOptions {
  readonly data: string;
  readonly chain?: string;
  readonly base?: number;
  readonly maxBlockBytes?: number;
}

/** The configuration of a store on disk. Without `createIfMissing`, a missing one is `STORE_NOT_FOUND`. */
export function storeConfig(options: StoreOptions, createIfMissing: boolean): ChainConfig {
  const { data, chain = null, base = 0, maxBlockBytes = DEFAULT_ENGINE_LIMITS.maxBlockBytes } = options;
  return {
    storage: { use: 'leveldb', location: data, createIfMissing },
    chain,
    base,
    limits: { maxBlockBytes },
  };
}
