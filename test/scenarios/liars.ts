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
    peerOf('honest', nodeListener(createSyncServer({ source: chain }))),
    peerOf('flipped', nodeListener(createSyncServer({ source: flipped(chain) }))),
    peerOf('unlinked', nodeListener(createSyncServer({ source: unlinked(chain) }))),
    peerOf('far-head', farHead()),
  ]);
  try {
    let late = 0;
    let named = 0;
    let runs = 0;
    for (const order of permutations(peers)) {
      for (const follow of [false, true]) {
        const outcome = await once(dir, order, follow);
        late += outcome.late;
        named += outcome.named;
        runs += 1;
      }
    }
    console.log(
      `${runs} runs with 4 peers: all ended on the honest chain; ${named} liars named, ${late} requests to one after its proof`,
    );
    if (late > 0) throw new Error('a liar was asked again');
  } finally {
    for (const { server } of peers) server.close().closeAllConnections();
    await chain.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function once(
  dir: string,
  order: readonly Peer[],
  follow: boolean,
): Promise<{ late: number; named: number }> {
  const data = join(dir, 'store');
  rmSync(data, { recursive: true, force: true });
  for (const { requests } of order) requests.length = 0;
  const proofs = new Map<string, number>();
  const program = new Program([
    ...['sync', '--data', data, ...(follow ? ['--follow'] : [])],
    ...order.flatMap(({ url }) => ['--peer', url]),
  ]);
  program.onLine((line) => {
    if (eventOf(line) === 'peer' && line['status'] === 'dropped')
      proofs.set(String(line['peer']).replace(/\/sync$/, ''), performance.now());
  });
  if (follow) {
    await program.find((line) => eventOf(line) === 'phase' && line['phase'] === 'synced');
    await program.end();
  } else if ((await program.exited) !== 0) throw new Error(`failed: ${JSON.stringify(program.lines.at(-1))}`);
  await run(['export', join(dir, 'out'), '--data', data]);
  if (!readFileSync(join(dir, 'out')).equals(readFileSync(join(dir, 'honest.ndjson'))))
    throw new Error(`another chain with ${order.map(({ name }) => name).join(', ')}`);
  let late = 0;
  for (const { url, requests, name } of order) {
    const proof = proofs.get(url);
    if (proof !== undefined && name === 'honest') throw new Error('the honest peer was named');
    if (proof !== undefined) late += requests.filter((at) => at > proof).length;
  }
  return { late, named: proofs.size };
}

async function peerOf(name: string, handle: RequestListener): Promise<Peer> {
  const requests: number[] = [];
  const server = createServer((request, response) => {
    requests.push(performance.now());
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, requests };
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
function flipped(chain: Chain): BlockSource {
  return bent(chain, (frame) => {
    if (frame.header.height !== LIE_AT) return frame;
    const document = Buffer.from(chain.decode(frame).bytes);
    const last = document.length - 3;
    document[last] = (document[last] ?? 0) ^ 1;
    return { ...frame, codec: 'gzip', bytes: gzipSync(document) };
  });
}

/** From one height on the blocks are of another chain, each sound in itself. */
function unlinked(chain: Chain): BlockSource {
  const lines = new Producer('other').lines(BLOCKS).split('\n');
  return bent(chain, (frame) => {
    const { height } = frame.header;
    if (height < LIE_AT) return frame;
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
