import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openChain } from '../../src/index.js';
import {
  CODEC_NAMES,
  CODECS,
  SNAPSHOT_CODECS,
  STREAM_CODECS,
  type CodecName,
} from '../../src/internal/codecs.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { signerOf } from '../engine/trust-support.js';
import { withCodec } from '../helpers/builtin-codecs.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { jsonLines } from './cli.js';
import { run } from './in-process.js';
import { storedLines } from './stores.js';

const chain = sealedChain(50);

/** Serves snapshots in one codec only. */
async function serveIn(t: ExecutionContext, codec: CodecName): Promise<{ url: string; publicKey: string }> {
  const signer = await signerOf(1);
  const source = await openChain({ storage: { use: 'memory' } });
  await source.append(chain);
  const server = createSyncServer({
    source,
    snapshots: { signer, directory: tempDir(t), types: ['full'], codecs: [codec], maxPartBytes: 2_000 },
  });
  t.teardown(async () => {
    await server.close();
    await source.close();
  });
  const url = await listen(t, nodeListener(server));
  await until(async () => (await fetch(`${url}/sync/snapshot?type=full`, { method: 'HEAD' })).ok);
  return { url, publicKey: signer.publicKey };
}

for (const codec of SNAPSHOT_CODECS) {
  withCodec(codec, `a snapshot in ${codec} is inspected, fetched, verified and synced from`, async (t) => {
    const { url, publicKey } = await serveIn(t, codec);
    const trust = ['--trust', publicKey];
    const inspected = await run(['snapshot', 'inspect', url, '--type', 'full', '--json']);
    t.is(inspected.code, 0, inspected.stderr);
    t.like(jsonLines(inspected.stdout).at(-1), { codec, height: 49, type: 'full' });
    const out = join(tempDir(t), 'mirror');
    const fetched = await run([
      ...['snapshot', 'fetch', '--peer', url, '--out', out, '--type', 'full', '--json'],
      ...trust,
    ]);
    t.is(fetched.code, 0, fetched.stderr);
    const directory = jsonLines(fetched.stdout).at(-1)?.['directory'] as string;
    t.true(readdirSync(directory).includes(`snapshot.${CODECS[codec].suffix}`));
    const verified = await run(['snapshot', 'verify', directory, '--json', ...trust]);
    t.is(verified.code, 0, verified.stderr);
    t.like(jsonLines(verified.stdout).at(-1), { ok: true, blocks: 50 });
    const store = join(tempDir(t), 'b');
    const synced = await run([
      ...['sync', '--peer', url, '--data', store, '--mode', 'snapshot', '--snapshot-type', 'full'],
      ...trust,
    ]);
    t.is(synced.code, 0, synced.stderr);
    t.true(ndjson(chain).equals(await storedLines(store)));
  });
}

/** The choices that the help names for `--codec`. */
async function choices(...command: readonly string[]): Promise<readonly string[]> {
  const help = (await run([...command, '--help'])).stdout.toString().replaceAll(/\s+/g, ' ');
  const [, list = ''] = /--codec <codec> .*?\(choices: ([^)]*?)(?:, default: [^)]*)?\)/.exec(help) ?? [];
  return CODEC_NAMES.filter((name) => list.includes(`"${name}"`));
}

test('the options take every codec of the table that is allowed there', async (t) => {
  t.deepEqual(await choices('sync'), STREAM_CODECS);
  t.deepEqual(
    await choices('snapshot', 'create'),
    CODEC_NAMES.filter((name) => SNAPSHOT_CODECS.includes(name)),
  );
});
