import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { isSnapshotId } from '../../src/internal/snapshot-files.js';
import { parseManifest, partsRoot } from '../../plugins/transport-snapshot/manifest.js';
import { openArchive } from '../../plugins/transport-snapshot/server/index.js';
import type { SnapshotManifest } from '../../src/contracts/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import {
  bodyOf,
  changesAt,
  expectedTable,
  fetchDocument,
  fetchMade,
  LedgerSource,
  manifestAt,
  nodeSigner,
  serveSnapshots,
  sha256,
  testWorkers,
  unpack,
  verifies,
} from './snapshot-server-support.js';

const documents = sealedChain(60);
const texts = documents.map((document) => Buffer.from(document).toString());

test('a snapshot is the document of the protocol, byte for byte, and its hash and signature hold', async (t) => {
  const source = await LedgerSource.of(documents, changesAt);
  const signer = nodeSigner();
  const { url } = await serveSnapshots(t, source, { signer, types: ['full'] });
  const before = Date.now();
  const response = await fetchMade(`${url}?type=full`);
  t.is(response.status, 200);
  const { text, hash, members } = unpack(gunzipSync(await bodyOf(response)));
  const { timestamp, signature } = members as { timestamp: number; signature: string };
  const chainId = source.chainId() ?? '';
  t.is(
    text,
    `{"height":59,"base":0,"chainId":"${chainId}","chain":"sealed-json","type":"full","timestamp":${timestamp},` +
      `"accounts":${expectedTable('accounts', 60)},"contracts":${expectedTable('contracts', 60)},` +
      `"blocks":[${texts.join(',')}],"hash":"${hash}","signer":"${signer.publicKey}","signature":"${signature}"}`,
  );
  t.true(timestamp >= before && timestamp <= Date.now());
  t.true(
    verifies(`blockferry-snapshot-v1:${chainId}:full:59:${timestamp}:${hash}`, signature, signer.publicKey),
  );
  t.is(response.headers.get('x-snapshot-height'), '59');
  t.is(response.headers.get('x-snapshot-hash'), hash);
  t.is(response.headers.get('x-snapshot-signer'), signer.publicKey);
  t.is(response.headers.get('x-snapshot-signature'), signature);
  t.is(source.views, 0);
});

test('the manifest describes the body, part by part, and is signed', async (t) => {
  const source = await LedgerSource.of(documents, changesAt);
  const signer = nodeSigner();
  const { url } = await serveSnapshots(t, source, { signer, maxPartBytes: 4_000 });
  // A server that is asked for the first time may say that it is still at it.
  await manifestAt(`${url}/manifest?type=recent`);
  const response = await fetch(`${url}/manifest?type=recent`);
  t.is(response.headers.get('content-type'), 'application/json');
  const text = await response.text();
  const manifest = parseManifest(JSON.parse(text));
  t.regex(
    text,
    /^\{"version":1,"id":"[^"]+","chainId":"[^"]+","chain":"sealed-json","type":"recent","height":59,"base":0,"blockHash":"[^"]+","timestamp":\d+,"codec":"gzip","hash":"[^"]+","size":\d+,"rawSize":\d+,"parts":\[\{"offset":0,"length":\d+,"rawLength":\d+,"sha256":"[^"]+"\},.*\],"root":"[^"]+","signatures":\[\{"signer":"[^"]+","signature":"[^"]+"\}\]\}$/,
  );
  t.true(isSnapshotId(manifest.id));
  t.deepEqual(source.tip().head, { height: 59, hash: manifest.blockHash });
  const body = await bodyOf(await fetch(`${url}/${manifest.id}`));
  t.is(body.length, manifest.size);
  t.true(manifest.parts.length > 5);
  const raw = manifest.parts.map(({ offset, length, rawLength, sha256: hash }) => {
    const part = body.subarray(offset, offset + length);
    t.is(sha256(part), hash);
    const decoded = gunzipSync(part);
    t.is(decoded.length, rawLength);
    return decoded;
  });
  const { hash } = unpack(Buffer.concat(raw));
  t.is(hash, manifest.hash);
  const { chainId, timestamp, size, root, signatures } = manifest;
  const message = `blockferry-manifest-v1:${chainId}:recent:59:${timestamp}:${manifest.hash}:${size}:${root}`;
  t.is(signatures.length, 1);
  t.true(verifies(message, signatures[0]?.signature ?? '', signer.publicKey));
  t.is(root, partsRoot(manifest.parts));
});

test('recent holds the last blocks and the whole state, full holds all blocks', async (t) => {
  const source = await LedgerSource.of(documents, changesAt);
  const { url } = await serveSnapshots(t, source, { recentBlocks: 10, types: ['recent', 'full'] });
  const recent = await fetchDocument(`${url}?type=recent`);
  t.like(recent.members, { height: 59, base: 50, type: 'recent' });
  t.deepEqual(recent.members['blocks'], JSON.parse(`[${texts.slice(50).join(',')}]`));
  t.true(recent.text.includes(`"accounts":${expectedTable('accounts', 60)},`));
  const full = await fetchDocument(`${url}?type=full`);
  t.like(full.members, { height: 59, base: 0, type: 'full' });
  t.is((full.members['blocks'] as unknown[]).length, 60);
});

test('without a type it is recent, in the first codec that the server has', async (t) => {
  const source = await LedgerSource.of(documents);
  const { url } = await serveSnapshots(t, source, { codecs: ['gzip', 'identity'] });
  t.like(await manifestAt(`${url}/manifest`), { type: 'recent', codec: 'gzip' });
  const plain = await fetchMade(`${url}?codec=identity`);
  t.is(plain.headers.get('content-disposition'), 'attachment; filename=snapshot.json');
  t.like(unpack(await bodyOf(plain)).members, { type: 'recent', height: 59 });
});

test('the status tells of the newest snapshots and of who signs them', async (t) => {
  const source = await LedgerSource.of(documents);
  const signer = nodeSigner();
  const { url, origin } = await serveSnapshots(t, source, { signer, codecs: ['gzip', 'identity'] });
  const { id } = await manifestAt(`${url}/manifest`);
  const status = (await (await fetch(`${origin}/sync/status`)).json()) as Record<string, unknown>;
  t.deepEqual(status['snapshots'], [{ type: 'recent', id, ...source.tip().head }]);
  t.deepEqual(status['signers'], [signer.publicKey]);
  t.like(status, { codecs: { snapshot: ['gzip', 'identity'] } });
});

test('a snapshot is of one moment while the chain goes on', async (t) => {
  const source = await LedgerSource.of(documents.slice(0, 40), changesAt);
  let extended: Promise<void> | null = null;
  const view = source.view.bind(source);
  source.view = async () => {
    const made = await view();
    extended ??= source.extend(documents.slice(40), changesAt);
    await extended;
    return made;
  };
  const { url } = await serveSnapshots(t, source, { types: ['full'] });
  const { members, text } = await fetchDocument(`${url}?type=full`);
  t.like(members, { height: 39 });
  t.true(text.includes(`"accounts":${expectedTable('accounts', 40)},`));
  t.is(source.tip().head?.height, 59);
});

const bzip2Test = spawnSync('bzip2', ['--help']).status === 0 ? test : test.skip;

bzip2Test('a bzip2 body is what the bzip2 program unpacks', async (t) => {
  const source = await LedgerSource.of(documents);
  const { url } = await serveSnapshots(t, source, { codecs: ['bzip2'], maxPartBytes: 8_000 });
  const response = await fetchMade(url);
  t.is(response.headers.get('content-disposition'), 'attachment; filename=snapshot.bz2');
  const { members, hash } = unpack(execFileSync('bzip2', ['-dc'], { input: await bodyOf(response) }));
  t.like(members, { height: 59, hash });
});

test('parts end where blocks end, and only a block larger than a part is cut', async (t) => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 5_000 })), {
    minLength: 1,
    maxLength: 25,
  });
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1_000, max: 3_000 }), async (lengths, maxPartBytes) => {
      const blocks = sealedChain(lengths.length, (height) => ({ text: 'x'.repeat(lengths[height] ?? 0) }));
      const source = await LedgerSource.of(blocks, changesAt);
      const archive = await openArchive(tempDir(t));
      const order = { source, type: 'full', codec: 'identity', workers: testWorkers() } as const;
      const { manifest, bodyPath } = await archive.build({ ...order, signer: nodeSigner(), maxPartBytes });
      const body = readFileSync(bodyPath);
      t.is(unpack(body).hash, manifest.hash);
      checkCuts(manifest, body, blocks, maxPartBytes);
      t.true(manifest.parts.every(({ rawLength }) => rawLength <= maxPartBytes));
    }),
    { numRuns: 30 },
  );

  function checkCuts(
    { parts }: SnapshotManifest,
    body: Buffer,
    blocks: readonly Uint8Array[],
    maxPartBytes: number,
  ): void {
    let from = 0;
    for (const block of blocks) {
      const start = body.indexOf(block, from);
      from = start + block.length;
      const isCut = parts.some(({ offset }) => offset > start && offset < from);
      if (isCut) t.true(block.length + 1 > maxPartBytes, `a block of ${block.length} bytes was cut`);
    }
  }
});

test('the files of a snapshot are a body by its usual name, the manifest and the signature', async (t) => {
  const source = await LedgerSource.of(documents);
  const { url, directory } = await serveSnapshots(t, source);
  const manifest = await manifestAt(`${url}/manifest`);
  const place = join(directory, manifest.id);
  t.deepEqual(JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8')), manifest);
  t.is(readFileSync(join(place, 'snapshot.gz')).length, manifest.size);
});
