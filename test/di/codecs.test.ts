import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { jsonRangeEndpoint } from '../../plugins/transport-json-range/index.js';
import { createSyncEngine, openChain, type Chain, type SyncEngineConfig } from '../../src/index.js';
import { builtinCodec } from '../../src/di/builtin.js';
import * as plugins from '../../src/di/codecs.js';
import {
  CODEC_NAMES,
  CODECS,
  type CodecName,
  DEFAULT_CODECS,
  SNAPSHOT_CODECS,
  STREAM_CODECS,
  supportsOf,
} from '../../src/internal/codecs.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { bytesOf, blocksOn } from '../engine/follow-support.js';
import { signerOf } from '../engine/trust-support.js';
import { encodingsHere, isHere, withCodec } from '../helpers/builtin-codecs.js';
import { listen } from '../helpers/servers.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';

const BLOCKS = 40;
const memory = { use: 'memory' } as const;

interface Node {
  readonly url: string;
  readonly chain: Chain;
  readonly publicKey: string;
  /** Targets of the requests so far. */
  readonly asked: readonly string[];
}

/** A node whose blocks are stored raw, so that they are encoded for whoever asks; its snapshots are in one codec. */
async function node(
  t: ExecutionContext,
  { snapshots = null, frames = null }: { snapshots?: CodecName | null; frames?: CodecName | null } = {},
): Promise<Node> {
  const signer = await signerOf(1);
  const chain = await openChain({ storage: memory, storeCodec: 'identity' });
  await chain.append(blocksOn(null, BLOCKS, 'codecs', (height) => ({ text: `${height} `.repeat(200) })));
  const directory = tempDir(t);
  const server = createSyncServer({
    source: chain,
    plugins: frames === null ? [] : [jsonRangeEndpoint({ frames: [frames] })],
    snapshots: { signer, directory, types: ['full'], codecs: snapshots === null ? null : [snapshots] },
    onError: (error) => {
      t.log(error);
    },
  });
  const handle = nodeListener(server);
  const asked: string[] = [];
  const url = await listen(t, (request, response) => {
    asked.push(request.url ?? '');
    handle(request, response);
  });
  t.teardown(async () => {
    await server.close();
    await chain.close();
  });
  return { url: `${url}/sync`, chain, publicKey: signer.publicKey, asked };
}

/** Syncs from a node, and gives the codecs that the blocks are stored in. */
async function synced(
  t: ExecutionContext,
  { url, chain }: Node,
  config: Partial<SyncEngineConfig>,
): Promise<readonly string[]> {
  const engine = createSyncEngine({ peers: [url], storage: memory, ...config });
  t.teardown(() => engine.close());
  await engine.start();
  t.deepEqual(await bytesOf(engine.chain), await bytesOf(chain));
  const isSnapshot = config.mode === 'snapshot';
  t.is(engine.state.checkpoint?.assumed?.height ?? null, isSnapshot ? BLOCKS - 1 : null);
  const stored = new Set<string>();
  for await (const frames of engine.chain?.read({ from: 0, to: BLOCKS }) ?? [])
    for (const { codec } of frames) stored.add(codec);
  return [...stored];
}

for (const codec of STREAM_CODECS) {
  withCodec(codec, `blocks come by stream in ${codec}, and are stored as they came`, async (t) => {
    const source = await node(t);
    const config = { mode: 'stream', codecs: [codec], storeCodec: codec } as const;
    t.deepEqual(await synced(t, source, config), [codec]);
    t.true(source.asked.some((target) => target.includes('/stream') && target.includes(`codec=${codec}`)));
  });
}

for (const codec of CODEC_NAMES) {
  withCodec(codec, `blocks come by ranges in ${codec}, and are stored as they came`, async (t) => {
    const source = await node(t, { frames: codec });
    const config = { mode: 'json', codecs: [codec], storeCodec: codec } as const;
    t.deepEqual(await synced(t, source, config), [codec]);
    t.true(source.asked.some((target) => target.includes(`frames=${codec}`)));
  });

  const { contentEncoding } = CODECS[codec];
  if (contentEncoding === null) continue;
  withCodec(codec, `a range of documents comes in the content encoding ${contentEncoding}`, async (t) => {
    const { url } = await node(t);
    const get = async (encoding: string): Promise<Response> =>
      fetch(`${url}/json?from=0&to=9`, { method: 'HEAD', headers: { 'accept-encoding': encoding } });
    t.is((await get(contentEncoding)).headers.get('content-encoding'), contentEncoding);
    t.is((await get('identity')).headers.get('content-encoding'), null);
  });
}

for (const codec of SNAPSHOT_CODECS) {
  withCodec(codec, `a node takes a snapshot in ${codec}`, async (t) => {
    const source = await node(t, { snapshots: codec });
    const trust = { signers: [source.publicKey] };
    await synced(t, source, { mode: 'snapshot', snapshot: { type: 'full' }, trust });
    t.true(source.asked.some((target) => target.includes(`codec=${codec}`)));
  });
}

test('a server offers the codecs of the table that this runtime has, each where it is allowed', async (t) => {
  const { url } = await node(t);
  const { codecs } = (await (await fetch(`${url}/status`)).json()) as { readonly codecs: object };
  t.deepEqual(codecs, {
    stream: STREAM_CODECS.filter(isHere),
    json: [...encodingsHere, 'identity'],
    // One, which the operator may change; bzip2 is encoded block by block only where the operator says so.
    snapshot: SNAPSHOT_CODECS.filter(isHere).slice(0, 1),
    frames: CODEC_NAMES.filter((codec) => isHere(codec) && codec !== 'bzip2'),
  });
});

test('zstd is the first for blocks where it is there, then gzip; bzip2 is the first for snapshots, and in no stream', (t) => {
  t.deepEqual(DEFAULT_CODECS, ['zstd', 'gzip', 'identity']);
  t.deepEqual(encodingsHere, isHere('zstd') ? ['zstd', 'gzip'] : ['gzip']);
  t.is(SNAPSHOT_CODECS[0], 'bzip2');
  t.false(STREAM_CODECS.includes('bzip2'));
});

test('no two codecs share a place for snapshots, a suffix or a name of HTTP', (t) => {
  const rows = Object.values(CODECS);
  for (const values of [
    rows.map(({ snapshots }) => String(snapshots)),
    rows.map(({ suffix }): string => suffix),
    rows.flatMap(({ contentEncoding }): string[] => (contentEncoding === null ? [] : [contentEncoding])),
  ]) {
    t.is(new Set(values).size, values.length);
  }
});

test('every codec of the table has a folder, a module and an export, and none is without a row', async (t) => {
  const names = [...CODEC_NAMES].sort();
  t.deepEqual(Object.keys(plugins).sort(), names);
  const folders = readdirSync(join(projectRoot, 'plugins')).filter((name) => name.startsWith('codec-'));
  t.deepEqual(
    folders.sort(),
    names.map((name) => `codec-${name}`),
  );
  const surface = readFileSync(join(projectRoot, 'src', 'api-surface.ts'), 'utf8');
  for (const name of names) {
    t.true(surface.includes(`'../plugins/codec-${name}/index.js'`), `src/api-surface.ts lacks ${name}`);
    const plugin = await builtinCodec(name);
    t.is(plugin.name, name);
    t.truthy(plugin.worker, `${name} has no worker`);
    if (isHere(name)) t.deepEqual(plugin.create().supports, supportsOf(name));
  }
});

/** Folders whose files may name one codec, but not list several: lists come from the table. */
const LISTLESS = ['src', 'plugins'];
// The cases of the protocol and its descriptions name what the protocol names.
const ALLOWED = [
  /^src\/internal\/codecs\.ts$/,
  /^src\/testing\//,
  /^src\/cli\/conformance\//,
  /^src\/server\/descriptions\//,
  /^plugins\/codec-/,
];

function namesIn(text: string): readonly string[] {
  const code = text.replaceAll(/^ *(?:\/?\*|\/\/).*$/gm, '');
  return CODEC_NAMES.filter((name) => name !== 'identity' && code.includes(`'${name}'`));
}

test('no other file than the table has a list of codecs', (t) => {
  const files = LISTLESS.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`,
    ),
  ).filter((path) => path.endsWith('.ts') && !ALLOWED.some((pattern) => pattern.test(path)));
  t.true(files.length > 100);
  const lists = files.filter((path) => namesIn(readFileSync(join(projectRoot, path), 'utf8')).length > 1);
  t.deepEqual(lists, []);
});
