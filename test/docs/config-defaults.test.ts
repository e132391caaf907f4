import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BZIP2_OPTIONS } from '../../plugins/codec-bzip2/options.js';
import { GZIP_OPTIONS } from '../../plugins/codec-gzip/options.js';
import { ZSTD_OPTIONS } from '../../plugins/codec-zstd/options.js';
import { LEVEL_OPTIONS } from '../../plugins/storage-leveldb/options.js';
import { JSON_RANGE_OPTIONS } from '../../plugins/transport-json-range/client/client.js';
import { SNAPSHOT_TRANSPORT_OPTIONS } from '../../plugins/transport-snapshot/client/transport.js';
import { TILE_OPTIONS } from '../../plugins/transport-tile/client/client.js';
import { CHAIN_OPTIONS } from '../../src/config/chain-plan.js';
import { ENGINE_OPTIONS, enginePlan } from '../../src/config/engine-plan.js';
import { RUN_OPTIONS } from '../../src/engine/arguments.js';
import type { Reader, Spec } from '../../src/internal/options/index.js';
import { DEFAULT_CODECS } from '../../src/internal/codecs.js';
import { DATABASE_OPTIONS, POSTGRES_OPTIONS } from '../../src/internal/postgres-options.js';
import { statedDefaults, valueOfDefault } from '../helpers/docstring-defaults.js';
import { projectRoot } from '../helpers/shared.js';

const TYPES = 'src/config/types.ts';
const { limits, trust, snapshot, retry, storage } = ENGINE_OPTIONS;
const [peer] = Object.values(ENGINE_OPTIONS.peers.parts ?? {});

/** Readers of what is in an option, by name. */
const inside = (reader: Reader<unknown> | undefined): Spec =>
  Object.fromEntries(Object.entries(reader?.parts ?? {}).map(([suffix, part]) => [suffix.slice(1), part]));

/** By file and interface, with readers of at least the members that it states itself. */
const INTERFACES: readonly (readonly [file: string, name: string, spec: Spec])[] = [
  [TYPES, 'ChainConfig', CHAIN_OPTIONS],
  [TYPES, 'SyncEngineConfig', ENGINE_OPTIONS],
  [TYPES, 'LevelStorageConfig', inside(storage)],
  [TYPES, 'PeerConfig', inside(peer)],
  [TYPES, 'TrustConfig', inside(trust)],
  [TYPES, 'SnapshotConfig', inside(snapshot)],
  ['src/engine/backoff.ts', 'RetryOptions', inside(retry)],
  ['src/chain/settings.ts', 'ChainLimits', inside(limits)],
  ['src/engine/engine-parts.ts', 'EngineLimits', inside(limits)],
  ['src/contracts/plugin.ts', 'TransportLimits', inside(limits)],
  ['src/chain/consumer/consumer.ts', 'RunOptions', { ...RUN_OPTIONS }],
  ['plugins/codec-gzip/options.ts', 'GzipOptions', GZIP_OPTIONS],
  ['plugins/codec-bzip2/options.ts', 'Bzip2Options', BZIP2_OPTIONS],
  ['plugins/codec-zstd/options.ts', 'ZstdOptions', ZSTD_OPTIONS],
  ['plugins/storage-leveldb/options.ts', 'LevelStorageOptions', LEVEL_OPTIONS],
  ['src/internal/postgres-options.ts', 'PostgresDatabaseOptions', DATABASE_OPTIONS],
  ['src/internal/postgres-options.ts', 'PostgresStorageOptions', POSTGRES_OPTIONS],
  ['plugins/transport-json-range/client/client.ts', 'JsonRangeTransportOptions', JSON_RANGE_OPTIONS],
  ['plugins/transport-snapshot/client/transport.ts', 'SnapshotTransportOptions', SNAPSHOT_TRANSPORT_OPTIONS],
  ['plugins/transport-tile/client/client.ts', 'TileTransportOptions', TILE_OPTIONS],
];

const plan = enginePlan({ peers: ['http://a'], storage: { use: 'memory' } });

/** Defaults that depend on other options, as the plan of an empty configuration has them. */
const BY_PLAN: Readonly<Record<string, unknown>> = {
  'ChainConfig.storeCodec': plan.storeCodec,
  'SyncEngineConfig.maxRollbackBlocks': plan.settings.maxRollbackBlocks,
  'RetryOptions.maxAttempts': plan.settings.retry.maxAttempts,
  'RetryOptions.giveUpAfterMs': plan.settings.retry.giveUpAfterMs,
};
/** Members that no configuration has: they follow from others. */
const DERIVED: Readonly<Record<string, unknown>> = {
  'TransportLimits.maxEventBytes': plan.transportLimits.maxEventBytes,
};
/** What is no value that could be written down. */
const IN_WORDS: Readonly<Record<string, string>> = {
  'ChainConfig.codecs': `\`[${DEFAULT_CODECS.map((name) => `'${name}'`).join(', ')}]\`, without zstd where Node lacks it`,
  'SnapshotConfig.directory': "`downloads` in the store's directory",
  'SyncEngineConfig.threads': 'the processors less one, 4 at most',
};

for (const [file, name, spec] of INTERFACES) {
  test(`the docstrings of ${name} state the defaults that hold`, (t) => {
    const stated = statedDefaults(file, name);
    t.true(stated.size > 0);
    for (const [member, text] of stated) {
      const key = `${name}.${member}`;
      if (key in DERIVED) continue;
      t.true(member in spec, `${member} has a reader`);
      const fallback = BY_PLAN[key] ?? spec[member]?.fallback;
      const words = IN_WORDS[key];
      if (words !== undefined) t.is(text, words);
      else if (['signal', 'onRollback', 'after'].includes(member)) t.is(text, null);
      else if (fallback === undefined) t.is(text, null, `${member} has no default, and states one`);
      else t.deepEqual(valueOfDefault(text ?? ''), fallback, member);
    }
    const source = readFileSync(join(projectRoot, file), 'utf8');
    t.notRegex(source, /\*.*\bDefault (?:`|\d|none|true|false)/, 'a default in words that nobody compares');
  });
}

test('what an empty configuration leaves to the plan is what the docstrings say', (t) => {
  const following = enginePlan({ peers: ['http://a'], storage: { use: 'memory' }, follow: true });
  t.like(following.settings.retry, { maxAttempts: Infinity, giveUpAfterMs: null });
  const counting = enginePlan({ peers: ['http://a'], storage: { use: 'memory' }, retry: { maxAttempts: 2 } });
  t.like(counting.settings.retry, { maxAttempts: 2, giveUpAfterMs: null });
  t.is(plan.rawBelowBytes, 2 * 1024);
  t.deepEqual(plan.partsDirectory, { inStore: true });
  t.is(plan.transportLimits.maxEventBytes, 96 * 1024 * 1024 + 64 * 1024);
  const named = enginePlan({ peers: ['http://a'], storage: { use: 'memory' }, storeCodec: 'gzip' });
  t.is(named.rawBelowBytes, 0);
});
