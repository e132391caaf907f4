import { setImmediate } from 'node:timers/promises';
import { gzip } from '../../plugins/codec-gzip/index.js';
import { identity } from '../../plugins/codec-identity/index.js';
import { sseEndpoint, type SseEndpointOptions } from '../../plugins/transport-sse/index.js';
import { seal, SEALED_JSON_GENESIS } from '../../plugins/chain-sealed-json/index.js';
import type {
  BlockHeader,
  BlockRange,
  BlockSource,
  ChainChange,
  ChainTip,
  Endpoint,
  Frame,
} from '../../src/contracts/index.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { DEFAULT_SERVER_LIMITS } from '../../src/server/limits.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { frameOf } from '../helpers/memory-source.js';

/** A source whose reads and reports take turns of their own, and that can change at each of them. */
export class TurningSource implements BlockSource {
  readonly chain = 'sealed-json';
  frames: Frame[] = [];
  readonly listeners = new Set<(change: ChainChange) => void>();
  /** Runs at each turn of a read, before its blocks are taken (`true`) and before they are handed out. */
  onTurn: (before: boolean) => void = () => undefined;
  readonly #batch: number;
  #branch = 0;
  #unreported: ChainChange[] = [];

  constructor(count: number, batch: number) {
    this.#batch = batch;
    this.grow(count);
    this.report();
  }

  chainId(): string | null {
    return this.frames[0]?.header.hash ?? null;
  }

  tip(): ChainTip {
    return { base: 0, head: this.frames.at(-1)?.header ?? null, confirmed: null, finalized: null };
  }

  header(height: number): Promise<BlockHeader | null> {
    return Promise.resolve(this.frames[height]?.header ?? null);
  }

  async *read({ from, to }: BlockRange): AsyncIterable<readonly Frame[]> {
    for (let next = from; next <= to; next += this.#batch) {
      await setImmediate();
      this.onTurn(true);
      const frames = this.frames.slice(next, Math.min(to + 1, next + this.#batch));
      this.onTurn(false);
      await setImmediate();
      if (frames.length === 0) return;
      yield frames;
    }
  }

  subscribe(listener: (change: ChainChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Makes blocks durable; `report` tells of them. */
  grow(count: number): void {
    const frames: Frame[] = [];
    for (let index = 0; index < count; index++) {
      const head = this.frames.at(-1)?.header ?? null;
      const payload = Buffer.from(JSON.stringify({ branch: this.#branch }));
      const height = (head?.height ?? -1) + 1;
      const { document } = seal(payload, { height, previousHash: head?.hash ?? SEALED_JSON_GENESIS });
      const frame = frameOf(document, 'identity');
      frames.push(frame);
      this.frames.push(frame);
    }
    this.#unreported.push({ kind: 'extend', frames });
  }

  cut(height: number): void {
    const to = this.frames[height]?.header;
    if (to === undefined) return;
    this.#branch += 1;
    this.frames.length = height + 1;
    this.#unreported.push({ kind: 'rollback', to });
  }

  report(): void {
    const changes = this.#unreported;
    this.#unreported = [];
    for (const change of changes) for (const listener of [...this.listeners]) listener(change);
  }
}

/** What an endpoint is made with. */
export interface EndpointSettings extends SseEndpointOptions {
  readonly heartbeatMs?: number;
}

export function endpointOf(source: BlockSource, settings: EndpointSettings = {}): Endpoint {
  const { heartbeatMs = DEFAULT_SERVER_LIMITS.heartbeatMs, ...options } = settings;
  const codecs = codecRegistry([gzip(), identity()]);
  const limits = { ...DEFAULT_SERVER_LIMITS, heartbeatMs };
  return sseEndpoint(options).create({
    source,
    codecs,
    limits,
    cache: 'private',
    workers: inThreadWorkers(codecs),
  });
}

/** A stream's chunks; of one that follows, those behind the comment that comes at once. */
export async function bodyOf(
  endpoint: Endpoint,
  query: string,
  signal: AbortSignal,
): Promise<AsyncIterator<Uint8Array>> {
  const request = { method: 'GET', path: '/stream', query: new URLSearchParams(query), header: () => null };
  const { body } = await endpoint.handle(request, { signal });
  const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  if (request.query.get('follow') === 'true') await chunks.next();
  return chunks;
}

/** What a client knows when it applies every event, and refuses any that does not fit. */
export class View {
  readonly hashes: string[];
  error: string | null = null;
  ended = false;
  #text = '';

  constructor(source: TurningSource, from: number) {
    this.hashes = source.frames.slice(0, from).map(({ header }) => header.hash);
  }

  async pull(body: AsyncIterator<Uint8Array>): Promise<void> {
    const { done, value } = (await body.next()) as IteratorResult<Uint8Array, undefined>;
    this.ended = done === true;
    this.#text += value === undefined ? '' : Buffer.from(value).toString();
    const events = this.#text.split('\n\n');
    this.#text = events.pop() ?? '';
    for (const event of events) this.#apply(event);
  }

  #apply(event: string): void {
    const data = event.slice(event.indexOf('data: ') + 6);
    if (event.startsWith('event: error')) this.error = data;
    if (event.startsWith('event: rollback')) this.#rollback(JSON.parse(data) as BlockHeader);
    if (event.startsWith('event: block')) this.#block(JSON.parse(data) as BlockHeader);
  }

  #block({ height, hash, previousHash }: BlockHeader): void {
    if (height !== this.hashes.length) throw new Error(`Block ${height} came on ${this.hashes.length - 1}.`);
    const parent = this.hashes.at(-1);
    if (parent !== undefined && previousHash !== parent)
      throw new Error(`Block ${height} has another parent.`);
    this.hashes.push(hash);
  }

  #rollback({ height, hash }: BlockHeader): void {
    if (height >= this.hashes.length - 1) throw new Error(`A rollback to ${height} voids nothing.`);
    this.hashes.length = height + 1;
    if (this.hashes[height] !== hash) throw new Error(`The rollback to ${height} names another block.`);
  }
}

export const hashes = ({ frames }: TurningSource): string[] => frames.map(({ header }) => header.hash);
