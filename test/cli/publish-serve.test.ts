import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { serve } from './cli.js';
import { run } from './in-process.js';
import { storedLines } from './stores.js';

interface Status {
  readonly head: { readonly height: number } | null;
  readonly snapshots: readonly { readonly height: number }[];
}

test('a server that writes a store keeps it published, with its snapshots, and a node takes it from the files', async (t) => {
  const dir = tempDir(t);
  const [data, out, key] = [join(dir, 'a'), join(dir, 'out'), join(dir, 'key')];
  const documents = sealedChain(120);
  const publicKey = (await run(['keygen', '--out', key])).stdout.toString().trim();
  const options = ['--finality-depth', '10', '--publish', out, '--publish-every', '0'];
  const { cli } = await serve(t, data, '--ingest', '-', ...options, '--key', key, '--snapshot-every', '40');
  cli.stdin.write(ndjson(documents.slice(0, 60)));
  const statusOf = (): Status => JSON.parse(readFileSync(join(out, 'status'), 'utf8')) as Status;
  await cli.waitFor(({ event, height }) => event === 'published' && height === 49);
  t.is(statusOf().head?.height, 49);
  cli.stdin.write(ndjson(documents.slice(60)));
  await until(() => statusOf().head?.height === 109 && statusOf().snapshots.length > 0);
  const sync = ['sync', '--peer', pathToFileURL(out).href, '--data', join(dir, 'b'), '--mode', 'snapshot'];
  const synced = await run([...sync, '--trust', publicKey]);
  t.is(synced.code, 0, synced.stderr);
  t.true((await storedLines(join(dir, 'b'))).equals(ndjson(documents.slice(0, 110))));
  cli.kill('SIGTERM');
  t.is((await cli.finished).code, 0);
});
