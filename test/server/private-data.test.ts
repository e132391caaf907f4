import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import express from 'express';
import type { CachePolicy } from '../../src/contracts/index.js';
import { openChain } from '../../src/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { LedgerSource, manifestAt, nodeSigner } from '../plugins/snapshot-server-support.js';

const documents = sealedChain(20);
const IMMUTABLE = 'max-age=31536000, immutable, no-transform';

/** What a server says of ranges that are final, of snapshots and manifests by id, and of what changes. */
async function said(origin: string): Promise<readonly (string | null)[]> {
  const { id } = await manifestAt(`${origin}/sync/snapshot/manifest`);
  const paths = [
    'json?from=0&to=9',
    `snapshot/${id}`,
    `snapshot/${id}/manifest`,
    'json?from=0&to=19',
    'status',
  ];
  const answers = await Promise.all(paths.map((path) => fetch(`${origin}/sync/${path}`)));
  return answers.map(({ headers }) => headers.get('cache-control'));
}

const EXPECTED: readonly (readonly [CachePolicy | undefined, readonly string[]])[] = [
  [
    undefined,
    [
      `private, ${IMMUTABLE}`,
      `private, ${IMMUTABLE}`,
      'private, max-age=60',
      'no-cache, no-transform',
      'no-cache',
    ],
  ],
  [
    'public',
    [
      `public, ${IMMUTABLE}`,
      `public, ${IMMUTABLE}`,
      'public, max-age=60',
      'no-cache, no-transform',
      'no-cache',
    ],
  ],
  [
    'no-store',
    ['no-store, no-transform', 'no-store, no-transform', 'no-store', 'no-store, no-transform', 'no-store'],
  ],
];

for (const [cache, expected] of EXPECTED) {
  test(`what shared caches are told when the operator says ${cache ?? 'nothing'}`, async (t) => {
    const source = await openChain({ storage: { use: 'memory' }, finality: { depth: 10 } });
    t.teardown(() => source.close());
    await source.append(documents);
    const middleware = syncMiddleware({
      source,
      snapshots: { signer: nodeSigner(), directory: tempDir(t), codecs: ['gzip'] },
      ...(cache === undefined ? {} : { cache }),
    });
    t.teardown(() => middleware.close());
    t.deepEqual(await said(await listen(t, express().use('/sync', middleware))), expected);
  });
}

test('no answer is left to a browser to guess what it is', async (t) => {
  const middleware = syncMiddleware({ source: await LedgerSource.of(documents) });
  t.teardown(() => middleware.close());
  const origin = await listen(t, express().use('/sync', middleware));
  for (const path of ['status', 'json', 'stream?from_height=0', 'json?from=5&to=1']) {
    const response = await fetch(`${origin}/sync/${path}`);
    t.is(response.headers.get('x-content-type-options'), 'nosniff', path);
    await response.arrayBuffer();
  }
});

/** Paths below a directory with their modes, in octal. */
function modesBelow(directory: string): ReadonlyMap<string, string> {
  const names = ['.', ...(readdirSync(directory, { recursive: true }) as string[])];
  return new Map(names.map((name) => [name, (statSync(join(directory, name)).mode & 0o777).toString(8)]));
}

(process.platform === 'linux' ? test : test.skip)(
  'others on the machine read nothing of a store or its snapshots',
  async (t) => {
    const directory = join(tempDir(t), 'made', 'node');
    const chain = await openChain({ storage: { use: 'leveldb', location: directory } });
    t.teardown(() => chain.close());
    await chain.append(documents);
    const middleware = syncMiddleware({
      source: chain,
      snapshots: { signer: nodeSigner(), directory: join(directory, 'snapshots'), codecs: ['gzip'] },
    });
    t.teardown(() => middleware.close());
    const origin = await listen(t, express().use('/sync', middleware));
    await manifestAt(`${origin}/sync/snapshot/manifest`);
    // What is not needed any more goes meanwhile.
    const passing = /^\.(?:builder|building-|removing-)/;
    await until(() => !readdirSync(join(directory, 'snapshots')).some((name) => passing.test(name)));

    const modes = modesBelow(join(directory, '..'));
    const isDirectory = (name: string): boolean => statSync(join(directory, '..', name)).isDirectory();
    // LevelDB makes its files itself, as the process's umask says; nobody else gets into their directory.
    const ofLevelDb = /\.(ldb|log)$|(CURRENT|LOCK|LOG|MANIFEST-\d+|LOG\.old)$/;
    const open = [...modes].filter(
      ([name, mode]) => mode !== (isDirectory(name) ? '700' : '600') && !ofLevelDb.test(name),
    );
    t.deepEqual(open, []);
    t.true([...modes.keys()].some((name) => name.endsWith('manifest.json')));
  },
);

(process.platform === 'linux' ? test : test.skip)(
  'a directory that the operator has made keeps its mode',
  async (t) => {
    const directory = join(tempDir(t), 'shared');
    mkdirSync(directory, { mode: 0o750 });
    const chain = await openChain({ storage: { use: 'leveldb', location: directory } });
    await chain.append(documents);
    await chain.close();
    t.is(modesBelow(directory).get('.'), '750');
  },
);
