import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BlockSource, type Chain, type Frame, openChain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { Producer } from './producer.js';
import { eventOf, Program, run } from './program.js';

const BLOCKS = 400;
const LIE_AT = 100;

interface Peer {
  readonly name: string;
  readonly url: string;
  readonly server: Server;
  /** When each request came. */
  readonly requests: number[];
  readonly lie: Lie;
}

/** Counts over the liars of a run. */
interface Outcome {
  /** Requests after the node told of the peer. */
  readonly late: number;
  /** Requests between the first lie that was sent and that: ranges ask for several things at once. */
  readonly between: number;
  readonly named: number;
}

/** When a peer has shown by its answer that it lies; `null` while it has not. */
interface Lie {
  atMs: number | null;
}

/** Three peers that each lie in another way and an honest one, in every order, with and without following. */
export async function liars(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'liars-'));
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  const text = new Producer().lines(BLOCKS);
  await chain.append(
    text
      .trimEnd()
      .split('\n')
      .map((line) => Buffer.from(line)),
  );
  writeFileSync(join(dir, 'honest.ndjson'), text);
  const peers = await Promise.all([
    peerOf('honest', () => nodeListener(createSyncServer({ source: chain }))),
    peerOf('flipped', (lie) => nodeListener(createSyncServer({ source: flipped(chain, lie) }))),
    peerOf('unlinked', (lie) => nodeListener(createSyncServer({ source: unlinked(chain, lie) }))),
    peerOf('far-head', () => farHead()),
  ]);
  try {
    let [late, between, named, runs] = [0, 0, 0, 0];
    for (const order of permutations(peers)) {
      for (const follow of [false, true]) {
        const outcome = await once(dir, order, follow);
        late += outcome.late;
        between += outcome.between;
        named += outcome.named;
        runs += 1;
      }
    }
    console.log(
      `${runs} runs with 4 peers: all ended on the honest chain; ${named} liars named, each that was asked first; ${late} requests to one after that, ${between} between its lie and that`,
    );
    if (late > 0) throw new Error('a liar was asked again');
  } finally {
    for (const { server } of peers) server.close().closeAllConnections();
    await chain.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function once(dir: string, order: readonly Peer[], follow: boolean): Promise<Outcome> {
  const data = join(dir, 'store');
  rmSync(data, { recursive: true, force: true });
  for (const { requests, lie } of order) {
    requests.length = 0;
    lie.atMs = null;
  }
  const proofs = new Map<string, number>();
  const named = new Set<string>();
  const program = new Program([
    ...['sync', '--data', data, ...(follow ? ['--follow'] : [])],
    ...order.flatMap(({ url }) => ['--peer', url]),
  ]);
  program.onLine((line) => {
    if (eventOf(line) !== 'peer' || line['error'] === null) return;
    const url = String(line['peer']).replace(/\/sync$/, '');
    named.add(url);
    if (line['status'] === 'dropped') proofs.set(url, performance.now());
  });
  if (follow) {
    await program.find((line) => eventOf(line) === 'phase' && line['phase'] === 'synced');
    await program.end();
  } else if ((await program.exited) !== 0) throw new Error(`failed: ${JSON.stringify(program.lines.at(-1))}`);
  await run(['export', join(dir, 'out'), '--data', data]);
  if (!readFileSync(join(dir, 'out')).equals(readFileSync(join(dir, 'honest.ndjson'))))
    throw new Error(`another chain with ${order.map(({ name }) => name).join(', ')}`);
  return count(order, proofs, named);
}

/**
 * @param proofs - when the node has told that a peer is dropped.
 * @param blamed - peers of which it has told a failure; not every one proves a lie.
 */
function count(
  order: readonly Peer[],
  proofs: ReadonlyMap<string, number>,
  blamed: ReadonlySet<string>,
): Outcome {
  let [late, between] = [0, 0];
  for (const { url, requests, name, lie } of order) {
    const proof = proofs.get(url) ?? null;
    if (name === 'honest' && blamed.has(url)) throw new Error('the honest peer was named');
    if (url === order[0]?.url && name !== 'honest' && !blamed.has(url))
      throw new Error(`${name} was asked first and was not named`);
    if (proof === null) continue;
    late += requests.filter((at) => at > proof).length;
    between += requests.filter((at) => at > (lie.atMs ?? proof) && at <= proof).length;
  }
  return { late, between, named: blamed.size };
}

async function peerOf(name: string, make: (lie: Lie) => RequestListener): Promise<Peer> {
  const requests: number[] = [];
  const lie: Lie = { atMs: null };
  const handle = make(lie);
  const server = createServer((request, response) => {
    requests.push(performance.now());
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, requests, lie };
}

/** A source whose frames are bent. */
function bent(chain: Chain, bend: (frame: Frame) => Frame): BlockSource {
  return {
    chain: chain.chain,
    chainId: () => chain.chainId(),
    tip: () => chain.tip(),
    header: (height) => chain.header(height),
    subscribe: (listener) => chain.subscribe(listener),
    read: (range, options) => {
      const batches = chain.read(range, options);
      return (async function* () {
        for await (const frames of batches) yield frames.map(bend);
      })();
    },
  };
}

/** One byte of one block is another one. */
function flipped(chain: Chain, lie: Lie): BlockSource {
  return bent(chain, (frame) => {
    if (frame.header.height !== LIE_AT) return frame;
    lie.atMs ??= performance.now();
    const document = Buffer.from(chain.decode(frame).bytes);
    const last = document.length - 3;
    document[last] = (document[last] ?? 0) ^ 1;
    return { ...frame, codec: 'gzip', bytes: gzipSync(document) };
  });
}

/** From one height on the blocks are of another chain, each sound in itself. */
function unlinked(chain: Chain, lie: Lie): BlockSource {
  const lines = new Producer('other').lines(BLOCKS).split('\n');
  return bent(chain, (frame) => {
    const { height } = frame.header;
    if (height < LIE_AT) return frame;
    lie.atMs ??= performance.now();
    const document = Buffer.from(lines[height] ?? '');
    return { ...frame, codec: 'gzip', bytes: gzipSync(document), documentBytes: document.length };
  });
}

/** Claims a head far away, and has nothing to show. */
function farHead(): RequestListener {
  return (request, response) => {
    if (request.url !== '/sync/status') {
      response.writeHead(404).end();
      return;
    }
    const head = { height: 1e12, hash: 'f'.repeat(64) };
    const codecs = { stream: ['gzip'], json: ['gzip'], snapshot: [] };
    const status = {
      protocol: 1,
      chain: 'sealed-json',
      chainId: null,
      base: 0,
      head,
      finalized: null,
      codecs,
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(status));
  };
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item, index) =>
    permutations(items.filter((_each, at) => at !== index)).map((rest) => [item, ...rest]),
  );
}
