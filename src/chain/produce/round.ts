import type {
  BlockMaking,
  BlockRef,
  ChainRules,
  Frame,
  StateChange,
  Storage,
} from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { type AppendPoint, nextHeight } from '../../internal/links.js';
import { nextTurn } from '../../internal/turns.js';
import type { Verifier } from '../verifier.js';
import type { ProducedFor, RequestKeys } from './request-keys.js';
import type { ProducedBlock, Request } from './requests.js';
import type { ProduceSettings } from './settings.js';

/** What requests are stored with. */
export interface RoundDeps {
  readonly rules: ChainRules;
  readonly making: BlockMaking;
  readonly settings: ProduceSettings;
  readonly storage: Pick<Storage, 'get'>;
  readonly keys: RequestKeys;
  /** Verifies new blocks at a point. */
  verifier(point: AppendPoint): Verifier;
  /** The document in a frame of the store. */
  decode(frame: Frame): Uint8Array;
}

/** Blocks that are about to be stored, and what some of them note. */
export interface Made {
  readonly frames: readonly Frame[];
  /** By the height of their block. */
  readonly notes: ReadonlyMap<number, readonly StateChange[]>;
}

/** Others have their turn after so many milliseconds of making blocks. */
const TURN_MS = 5;

/** Requests that are stored in one batch: makes their blocks on the head, and tells them what became of them. */
export class Round {
  readonly #deps: RoundDeps;
  readonly #frames: Frame[] = [];
  readonly #notes = new Map<number, readonly StateChange[]>();
  /** What is to be told once the batch is durable. */
  readonly #stored = new Map<Request, readonly ProducedBlock[]>();
  /** Requests of this batch that brought a key. */
  readonly #byKey = new Map<string, Request>();
  /** Frames of requests that come again, by height. */
  #held: ReadonlyMap<number, Frame | null> = new Map();
  #turnBegan = performance.now();

  constructor(deps: RoundDeps) {
    this.#deps = deps;
  }

  /** Makes the blocks. A request that can't be stored is told so, and does not keep the others from it. */
  async make(requests: readonly Request[], point: AppendPoint): Promise<Made> {
    if (requests.some(({ key }) => key !== null)) await this.#deps.keys.load();
    this.#held = await this.#framesFor(requests);
    let at = point;
    for (const request of requests) {
      try {
        at = await this.#add(request, at);
      } catch (error) {
        request.failed(error);
      }
    }
    return { frames: this.#frames, notes: this.#notes };
  }

  /** The batch is durable. */
  done(): void {
    this.#deps.keys.stored();
    for (const [request, blocks] of this.#stored) request.stored(blocks);
  }

  /** @returns where the next request goes on. */
  async #add(request: Request, point: AppendPoint): Promise<AppendPoint> {
    const { key } = request;
    if (key === null) return this.#append(request, point);
    const before = this.#byKey.get(key);
    if (before !== undefined) {
      if (!request.isLike(before)) throw reused(key);
      this.#stored.set(request, repeated(this.#stored.get(before) ?? []));
      return point;
    }
    const known = this.#deps.keys.find(key);
    if (known === null) return this.#append(request, point);
    this.#stored.set(request, await this.#blocksFor(request, key, known));
    return point;
  }

  async #append(request: Request, point: AppendPoint): Promise<AppendPoint> {
    const { rules, making, settings } = this.#deps;
    const verifier = this.#deps.verifier(point);
    const frames: Frame[] = [];
    for (const record of request.records) {
      const { head } = verifier.appendPoint;
      const previousHash = head?.hash ?? rules.genesisPreviousHash ?? '';
      const place = { height: nextHeight(verifier.appendPoint), previousHash };
      frames.push(verifier.document(await making.make(record, place, settings)));
      await this.#pause();
    }
    this.#take(request, frames);
    return verifier.appendPoint;
  }

  #take(request: Request, frames: readonly Frame[]): void {
    const blocks = frames.map(({ header: { height, hash } }) => ({ height, hash, isRepeat: false }));
    const last = blocks.at(-1);
    if (request.key !== null && last !== undefined) {
      this.#notes.set(last.height, this.#deps.keys.note(request.key, { ...last, count: blocks.length }));
      this.#byKey.set(request.key, request);
    }
    for (const frame of frames) this.#frames.push(frame);
    this.#stored.set(request, blocks);
  }

  /** Reads what is held for the keys of requests, all at once: after an outage many come again together. */
  async #framesFor(requests: readonly Request[]): Promise<ReadonlyMap<number, Frame | null>> {
    const heights = new Set<number>();
    for (const { key, records } of requests) {
      const known = key === null ? null : this.#deps.keys.find(key);
      // Other records than before: what is held need not be read, and may be far more than was sent.
      if (known?.count !== records.length) continue;
      for (let height = known.height - known.count + 1; height <= known.height; height++) heights.add(height);
    }
    const read = async (height: number): Promise<readonly [number, Frame | null]> => [
      height,
      await this.#deps.storage.get(height),
    ];
    return new Map(await Promise.all([...heights].map(read)));
  }

  /** The blocks that an earlier call with the key has stored. @throws SyncError `KEY_REUSED`, `BELOW_BASE` */
  async #blocksFor(
    { records }: Request,
    key: string,
    { height: last, count }: ProducedFor,
  ): Promise<readonly ProducedBlock[]> {
    if (records.length !== count) throw reused(key);
    const { making, settings } = this.#deps;
    const refs: BlockRef[] = [];
    const first = last - count + 1;
    for (const [index, record] of records.entries()) {
      const height = first + index;
      const frame = this.#held.get(height) ?? null;
      if (frame === null) throw gone(key, height);
      if (!making.isOf(this.#deps.decode(frame), record, settings)) throw reused(key);
      refs.push({ height, hash: frame.header.hash });
      await this.#pause();
    }
    return repeated(refs);
  }

  async #pause(): Promise<void> {
    if (performance.now() - this.#turnBegan < TURN_MS) return;
    await nextTurn();
    this.#turnBegan = performance.now();
  }
}

function repeated(blocks: readonly BlockRef[]): readonly ProducedBlock[] {
  return blocks.map(({ height, hash }) => ({ height, hash, isRepeat: true }));
}

function reused(key: string): SyncError {
  const message = `The idempotency key ${JSON.stringify(key)} has come before with other records.`;
  return new SyncError('KEY_REUSED', message);
}

function gone(key: string, height: number): SyncError {
  const message = `What came with the idempotency key ${JSON.stringify(key)} is stored, and block ${height} of it is not held any more.`;
  return new SyncError('BELOW_BASE', message, { height });
}
