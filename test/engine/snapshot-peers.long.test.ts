import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openChain, type SyncEngineConfig } from '../../src/index.js';
import { answerBy, listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { blocksOn } from './follow-support.js';
import { COUNT, counting, key, node, type Run, sync, warningsOf } from './snapshot-support.js';

const WRONG = 'f'.repeat(64);
const memory = { use: 'memory' } as const;

/** JSON that a server sends. */
type Document = Record<string, unknown>;

/** Serves what another server does, with its JSON changed on the way. @param asked - gets the paths */
async function liarOf(
  t: ExecutionContext,
  url: string,
  change: { readonly status?: (status: Document) => void; readonly manifest?: (manifest: Document) => void },
  asked: string[] = [],
): Promise<string> {
  const origin = await listen(t, (request, response) => {
    const path = request.url ?? '/';
    asked.push(path);
    const { range } = request.headers;
    answerBy(
      response,
      fetch(new URL(path, url), { headers: range === undefined ? {} : { range } }).then(async (answer) => {
        let body = Buffer.from(await answer.arrayBuffer());
        const edit = path.startsWith('/sync/status')
          ? change.status
          : path.includes('/manifest')
            ? change.manifest
            : undefined;
        if (edit !== undefined && answer.ok) {
          const document = JSON.parse(body.toString()) as Document;
          edit(document);
          body = Buffer.from(JSON.stringify(document));
        }
        const headers = Object.fromEntries(
          [...answer.headers].filter(([name]) => name !== 'content-encoding' && name !== 'content-length'),
        );
        response.writeHead(answer.status, { ...headers, 'content-length': body.length }).end(body);
      }),
    );
  });
  return `${origin}/sync`;
}

/** The hash of the document of a node's snapshot. */
async function hashOf(url: string): Promise<string> {
  for (;;) {
    const answer = await fetch(`${url}/snapshot/manifest?type=recent&codec=gzip`);
    if (answer.ok) return ((await answer.json()) as { hash: string }).hash;
    await answer.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const droppedOf = ({ events }: Run): readonly string[] =>
  events.flatMap((event) => (event.type === 'peer' && event.status === 'dropped' ? [event.peer] : []));

/** Where the first part ends is under no signature. */
function shiftParts(manifest: Document): void {
  const [first, second] = manifest['parts'] as Record<'offset' | 'length', number>[];
  if (first === undefined || second === undefined) throw new TypeError('too few parts');
  first.length -= 1;
  second.offset -= 1;
  second.length += 1;
}

/** A node makes its first snapshot by itself, and an older one of another peer is taken while it does. */
function isMade(url: string): Promise<void> {
  return until(async () => {
    const response = await fetch(`${url}/snapshot/manifest?type=recent`);
    await response.arrayBuffer();
    return response.status === 200;
  });
}

test('the newest snapshot of all peers is taken, whoever is asked first', async (t) => {
  const [older, newer] = [await node(t, 60), await node(t, 110)];
  await isMade(newer.url);
  const trust = { signers: [newer.signer.publicKey] };
  for (const peers of [
    [older.url, newer.url],
    [newer.url, older.url],
  ]) {
    const run = await sync({ peers, mode: 'snapshot', trust, storage: memory });
    t.is(run.assumed, 109);
    t.is(run.code, null);
  }
});

test('one that is newer and can not be trusted takes nothing from the one that can', async (t) => {
  const [trusted, stranger] = [await node(t, 60), await node(t, 110, { seed: 8 })];
  const trust = { signers: [trusted.signer.publicKey] };
  const peers = [stranger.url, trusted.url];
  t.is((await sync({ peers, mode: 'snapshot', trust, storage: memory })).assumed, 59);
});

const LIES: Readonly<Record<string, (manifest: Document) => void>> = {
  'another newest block': (manifest) => {
    manifest['blockHash'] = WRONG;
  },
  'another base': (manifest) => {
    manifest['base'] = 1;
  },
  'parts of other lengths': shiftParts,
};

for (const [lie, manifest] of Object.entries(LIES)) {
  test(`a peer whose manifest says ${lie} denies no snapshot, and makes no liar of an honest peer`, async (t) => {
    const { url, signer } = await node(t, COUNT, { snapshots: { codecs: ['gzip'] } });
    const liar = await liarOf(t, url, { manifest });
    const trusts = [{ signers: [signer.publicKey] }, { hash: await hashOf(url) }];
    for (const trust of trusts) {
      for (const mode of ['auto', 'snapshot'] as const) {
        const run = await sync({
          peers: [liar, url],
          mode,
          trust,
          snapshot: { minBlocks: 10 },
          storage: { use: 'leveldb', location: join(tempDir(t), 'b') },
        });
        t.is(run.assumed, COUNT - 1, `${mode} ${Object.keys(trust).join()}`);
        t.is(run.code, null);
        t.false(droppedOf(run).includes(url));
        if ('hash' in trust) t.deepEqual(droppedOf(run), [liar], 'its manifest was its own word');
      }
    }
  });
}

test('a download that was begun on a false manifest gives way to a true one', async (t) => {
  const { url, signer } = await node(t);
  const storage = { use: 'leveldb', location: join(tempDir(t), 'b') } as const;
  const trust = { signers: [signer.publicKey] };
  // Its parts can't be had any more after the manifest.
  const cut = await listen(t, (request, response) => {
    const path = request.url ?? '/';
    if (path.startsWith('/sync/snapshot/') && !path.includes('manifest')) return void response.destroy();
    answerBy(
      response,
      fetch(new URL(path, url)).then(async (answer) => {
        const isManifest = path.includes('/manifest') && answer.ok;
        const text = await answer.text();
        const manifest = isManifest ? (JSON.parse(text) as Document) : {};
        if (isManifest) manifest['blockHash'] = WRONG;
        const type = answer.headers.get('content-type') ?? 'text/plain';
        response.writeHead(answer.status, { 'content-type': type });
        response.end(isManifest ? JSON.stringify(manifest) : text);
      }),
    );
  });
  const config: SyncEngineConfig = { peers: [`${cut}/sync`], mode: 'snapshot', trust, storage };
  t.not((await sync({ ...config, retry: { maxAttempts: 1, baseDelayMs: 1 } })).code, null);
  const run = await sync({ ...config, peers: [url] });
  t.true(run.events.some((event) => event.type === 'snapshot' && event.status === 'resumed'));
  t.is(run.assumed, COUNT - 1);
  t.deepEqual(droppedOf(run), []);
});

test('a snapshot of another chain than the status names is refused before anything of it is fetched', async (t) => {
  const { url, signer } = await node(t, 60, { config: { chainId: 'staging' } });
  const trust = { signers: [signer.publicKey] };
  const storage = { use: 'leveldb', location: join(tempDir(t), 'b') } as const;
  const asked: string[] = [];
  const status = (document: Document): void => {
    document['chainId'] = 'prod';
  };
  const mixed = await liarOf(t, url, { status }, asked);
  const run = await sync({ peers: [mixed], mode: 'snapshot', trust, storage });
  t.is(run.code, 'CHAIN_MISMATCH');
  t.is(run.assumed, null);
  t.false(asked.some((path) => path.startsWith('/sync/snapshot/') && !path.includes('manifest')));
  const prod = await node(t, 70, { config: { chainId: 'prod' } });
  const after = await sync({ peers: [prod.url], storage });
  t.is(after.code, null, 'the store is bound to no chain');
});

test('a snapshot of type full begins at the first block of the chain', async (t) => {
  const snapshots = { types: ['recent', 'full'] } as const;
  const { url, signer } = await node(t, 60, { config: { base: 20, chainId: 'lab' }, snapshots });
  const trust = { signers: [signer.publicKey] };
  const config = {
    peers: [url],
    mode: 'snapshot',
    trust,
    snapshot: { type: 'full' },
    storage: memory,
  } as const;
  const run = await sync(config);
  t.is(run.code, 'SNAPSHOT_UNAVAILABLE');
  t.is((await sync({ ...config, base: 20 })).assumed, 59);
  t.is((await sync({ ...config, snapshot: { type: 'recent' } })).assumed, 59);
});

test('a snapshot that includes a checkpoint has that block, or is refused; the store is as it was', async (t) => {
  const { url, chain, signer } = await node(t);
  const trust = { signers: [signer.publicKey] };
  const hash = async (height: number): Promise<string> => (await chain.header(height))?.hash ?? '';
  for (const height of [0, 50, COUNT - 1]) {
    const config = { peers: [url], mode: 'snapshot', trust } as const;
    const checkpoints = [{ height, hash: await hash(height) }];
    t.is((await sync({ ...config, checkpoints, storage: memory })).assumed, COUNT - 1);
    const storage = { use: 'leveldb', location: join(tempDir(t), 'b') } as const;
    const run = await sync({ ...config, checkpoints: [{ height, hash: WRONG }], storage });
    t.is(run.code, 'CHECKPOINT_MISMATCH');
    const after = await openChain({ storage });
    t.is(after.tip().head, null);
    await after.close();
  }
});

test('a snapshot that begins above a checkpoint needs signatures and the pinned chain, and a warning says so', async (t) => {
  const { url, chain, signer } = await node(t, COUNT, { snapshots: { recentBlocks: 30, codecs: ['gzip'] } });
  const genesis = (await chain.header(0))?.hash ?? '';
  const pin = { height: 10, hash: (await chain.header(10))?.hash ?? '' };
  const trust = { signers: [signer.publicKey] };
  const config = { peers: [url], mode: 'snapshot', trust, checkpoints: [pin], storage: memory } as const;
  t.is((await sync(config)).code, 'SNAPSHOT_UNTRUSTED', 'no chain id is pinned');
  t.is((await sync({ ...config, chainId: 'x' })).code, 'CHAIN_MISMATCH');
  const byHash = { hash: await hashOf(url) };
  t.is((await sync({ ...config, chainId: genesis, trust: byHash })).code, 'SNAPSHOT_UNTRUSTED');
  const pinned = await sync({ ...config, chainId: genesis });
  t.is(pinned.assumed, COUNT - 1);
  t.deepEqual(warningsOf(pinned), ['CHECKPOINT_UNCOVERED']);
  const warning = pinned.events.find((event) => event.type === 'warning');
  t.true(warning?.message.includes(`10:${pin.hash}`));
  const first = { height: 0, hash: genesis };
  const named = await sync({ ...config, checkpoints: [first, pin] });
  t.is(named.assumed, COUNT - 1, 'the first block names the chain');
  t.deepEqual(warningsOf(named), ['CHECKPOINT_UNCOVERED']);
  const covered = await sync({
    ...config,
    checkpoints: [{ height: 100, hash: (await chain.header(100))?.hash ?? '' }],
  });
  t.deepEqual(warningsOf(covered), []);
});

test('a snapshot that contradicts a final block is refused', async (t) => {
  const signer = await key(7);
  const { url } = await node(t);
  const storage = { use: 'leveldb', location: join(tempDir(t), 'b') } as const;
  const other = await openChain({
    storage,
    finality: { depth: 2 },
    stateTransition: counting,
    chainId: 'lab',
  });
  await other.append(blocksOn(null, 20, 'other'));
  await other.close();
  const labelled = await node(t, COUNT, { config: { chainId: 'lab' } });
  const trust = { signers: [signer.publicKey] };
  t.is((await sync({ peers: [url], mode: 'snapshot', trust, storage })).code, 'CHAIN_MISMATCH');
  t.is((await sync({ peers: [labelled.url], mode: 'snapshot', trust, storage })).code, 'FORKED');
  const after = await openChain({ storage, stateTransition: counting });
  t.is(after.tip().head?.height, 19);
  await after.close();
});
