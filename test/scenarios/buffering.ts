import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { ExecutionContext } from 'ava';
import { createSyncEngine, openChain, type SyncEngine } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { blocksOn } from '../engine/follow-support.js';
import type { PeerFault } from '../../src/testing/peer/fault.js';
import { faultInjector } from '../../src/testing/peer/injector.js';
import { listen } from '../helpers/servers.js';
import { nginx } from '../helpers/plain-nginx.js';
import { programMissing } from './nginx/nginx.js';

const HISTORY = 20;
const EVERY_MS = 1_000;
const SETTLE_MS = 30_000;
const MEASURE_MS = 120_000;
const BAR_MS = 1_000;

const PROXIES: readonly (readonly [name: string, fault: PeerFault | null])[] = [
  ['none', null],
  ['whole response', { kind: 'buffer', hold: 'all' }],
  ['64 KiB', { kind: 'buffer', hold: { bytes: 64 * 1024 } }],
  ['4 KiB', { kind: 'buffer', hold: { bytes: 4 * 1024 } }],
  ['ten minutes', { kind: 'buffer', hold: { ms: 600_000 } }],
  ['for ever', { kind: 'buffer', hold: 'body' }],
  ['gzip', { kind: 'compress' }],
];

/** What the engines of this tree and of an older one are made with. */
type MakeEngine = typeof createSyncEngine;
type Scope = Pick<ExecutionContext, 'teardown'>;

/**
 * Followers behind proxies that hold responses back, at one block a second: how late each block comes from half a minute
 * after the start, and whether the phase stays. `BLOCKFERRY_BEFORE=DIR` has the engine of another build beside each.
 */
export async function buffering(): Promise<void> {
  const ends: (() => unknown)[] = [];
  const scope: Scope = { teardown: (end) => void ends.push(end) };
  try {
    await measure(scope);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function measure(scope: Scope): Promise<void> {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json' });
  scope.teardown(() => chain.close());
  await chain.append(blocksOn(null, HISTORY, 'history', payload));
  const server = createSyncServer({ source: chain, limits: { maxStreamsPerAddress: 100 } });
  scope.teardown(() => server.close());
  const origin = await listen(scope, nodeListener(server));
  const madeMs = new Map<number, number>();
  const urls = [...(await throughNode(scope, origin)), ...(await throughNginx(scope, origin))];
  const makers = await engines();
  const watched = urls.flatMap(([name, url]) =>
    makers.map(([version, make]) => new Watched(scope, `${name} | ${version}`, make, url, madeMs)),
  );
  const startMs = performance.now();
  for (let made = 0; performance.now() - startMs < SETTLE_MS + MEASURE_MS; made++) {
    if (performance.now() - startMs >= SETTLE_MS) for (const each of watched) each.settled();
    await delay(Math.max(0, startMs + made * EVERY_MS - performance.now()));
    madeMs.set(HISTORY + made, performance.now());
    await chain.append(blocksOn(chain.tip().head, 1, 'live', payload));
  }
  await delay(BAR_MS);
  print(watched, HISTORY + SETTLE_MS / EVERY_MS, chain.tip().head?.height ?? 0);
}

function print(watched: readonly Watched[], from: number, to: number): void {
  console.log('proxy | engine | median ms | p99 ms | longest ms | missing at the end | phase changes');
  for (const each of watched) console.log(each.row(from, to));
  const late = watched
    .filter(({ name }) => name.endsWith('this tree'))
    .filter((each) => !each.isWithin(from, to));
  if (late.length > 0)
    throw new Error(`above ${BAR_MS} ms, or not steady: ${late.map(({ name }) => name).join('; ')}`);
}

const payload = (): object => ({ records: ['x'.repeat(300)] });

/** One follower, and what it had when. */
class Watched {
  readonly name: string;
  readonly #lags = new Map<number, number>();
  #phases = 0;
  #isSettled = false;

  constructor(
    scope: Scope,
    name: string,
    make: MakeEngine,
    url: string,
    madeMs: ReadonlyMap<number, number>,
  ) {
    this.name = name;
    const engine: SyncEngine = make({ peers: [url], storage: { use: 'memory' }, follow: true });
    scope.teardown(() => engine.close());
    engine.events.subscribe((event) => {
      if (event.type === 'phase' && this.#isSettled) this.#phases += 1;
      if (event.type !== 'block') return;
      const made = madeMs.get(event.header.height);
      if (made !== undefined) this.#lags.set(event.header.height, performance.now() - made);
    });
    engine.start().catch(() => undefined);
  }

  /** From now on the phase should stay. */
  settled(): void {
    this.#isSettled = true;
  }

  isWithin(from: number, to: number): boolean {
    return this.#phases === 0 && at(this.#sorted(from, to), 0.99) < BAR_MS;
  }

  row(from: number, to: number): string {
    const lags = this.#sorted(from, to);
    const figures = [at(lags, 0.5), at(lags, 0.99), at(lags, 1)].map((lag) =>
      lag === Infinity ? '–' : lag.toFixed(1),
    );
    const missing = lags.filter((lag) => lag === Infinity).length;
    return [this.name, ...figures, missing, this.#phases].join(' | ');
  }

  /** A block that has not come counts as one that comes never. */
  #sorted(from: number, to: number): readonly number[] {
    const heights = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    return heights.map((height) => this.#lags.get(height) ?? Infinity).sort((a, b) => a - b);
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Infinity;
}

async function engines(): Promise<readonly (readonly [version: string, make: MakeEngine])[]> {
  const { BLOCKFERRY_BEFORE: other = '' } = process.env;
  if (other === '') return [['this tree', createSyncEngine]];
  const { href } = pathToFileURL(join(other, 'dist/src/index.js'));
  const before = (await import(href)) as { readonly createSyncEngine: MakeEngine };
  return [
    ['before', before.createSyncEngine],
    ['this tree', createSyncEngine],
  ];
}

async function throughNode(scope: Scope, origin: string): Promise<readonly (readonly [string, string])[]> {
  return Promise.all(
    PROXIES.map(async ([name, fault]) => {
      const proxy = await faultInjector(origin);
      if (fault !== null) proxy.inject(fault);
      scope.teardown(() => proxy.close());
      return [name, `${proxy.url}/sync`] as const;
    }),
  );
}

/** As it comes, buffering what it proxies, but for what says that it is not to be; and as some are set up, without a word. */
async function throughNginx(scope: Scope, origin: string): Promise<readonly (readonly [string, string])[]> {
  if (programMissing('nginx', '-v') !== null) return [];
  const rows: (readonly [string, string])[] = [];
  for (const [name, extra] of [
    ['nginx', ''],
    ['nginx that ignores X-Accel-Buffering', 'proxy_ignore_headers X-Accel-Buffering;'],
  ] as const) {
    const dir = mkdtempSync(join(tmpdir(), 'buffering-'));
    scope.teardown(() => {
      rmSync(dir, { recursive: true, force: true });
    });
    const lines = `location / { proxy_pass ${origin}; proxy_buffering on; ${extra} }`;
    rows.push([name, `${await nginx(scope, dir, lines)}/sync`]);
  }
  return rows;
}
