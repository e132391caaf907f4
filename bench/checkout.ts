import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as Signer from '../plugins/signer-secp256k1/index.js';
import type * as Blockferry from '../src/index.js';
import type * as Express from '../src/server/express.js';

/** Folder of this checkout's built modules. Another version's can be measured in its place. */
export const HERE = fileURLToPath(new URL('..', import.meta.url));

/** What is loaded of a version: its public entries. */
export interface Checkout {
  readonly blockferry: () => Promise<typeof Blockferry>;
  readonly express: () => Promise<typeof Express>;
  readonly signer: () => Promise<typeof Signer>;
}

/** The public entries of the version whose built modules are in a folder. */
export function checkout(dist: string): Checkout {
  return {
    blockferry: async () => (await load(dist, 'src/index.js')) as typeof Blockferry,
    express: async () => (await load(dist, 'src/server/express.js')) as typeof Express,
    signer: async () => (await load(dist, 'plugins/signer-secp256k1/index.js')) as typeof Signer,
  };
}

/**
 * Loads the modules that an engine loads when it needs them. The rivals have loaded theirs when their time starts, so ours
 * are loaded before too; how long loading takes is a figure of its own.
 */
export async function preload(dist: string, chain: string): Promise<void> {
  const transports = readdirSync(join(dist, 'plugins')).filter((name) => name.startsWith('transport-'));
  const plugins = [`chain-${chain}`, 'codec-gzip', 'codec-identity', 'storage-leveldb', ...transports];
  const entries = plugins.map((name) => {
    const half = `plugins/${name}/client/index.js`;
    return existsSync(join(dist, half)) ? half : `plugins/${name}/index.js`;
  });
  const all = [...entries, ...PARTS.filter((path) => existsSync(join(dist, path)))];
  await Promise.all([...all.map((path) => load(dist, path)), import('classic-level')]);
}

/** What an engine loads when it starts; a version that has no such module loads it with the rest. */
const PARTS = [
  'src/di/assemble.js',
  'src/di/codecs.js',
  'src/di/scope.js',
  'src/engine/chain-opener.js',
  'src/engine/stand-by.js',
  'src/engine/sync-run.js',
  'src/http1-client/index.js',
];

/** Waits until a chain has made the tiles that are due; a version without tiles has none to make. */
export async function tilesMade(chain: Partial<Pick<Blockferry.Chain, 'tilesMade'>>): Promise<void> {
  await chain.tilesMade?.();
}

function load(dist: string, path: string): Promise<unknown> {
  return import(pathToFileURL(join(dist, path)).href);
}
