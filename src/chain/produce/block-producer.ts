import type { BlockMaking } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { nextHeight } from '../../internal/links.js';
import type { ChainWriter } from '../chain-writer.js';
import { cannotProduce, produceOptions } from './arguments.js';
import { recordList } from './records.js';
import { RequestKeys } from './request-keys.js';
import { type ProducedBlock, type ProduceOptions, Request, RequestQueue } from './requests.js';
import { Round, type RoundDeps } from './round.js';

/** What a {@link BlockProducer} works with. */
export interface BlockProducerDeps extends Omit<RoundDeps, 'making' | 'keys' | 'storage'> {
  readonly storage: RoundDeps['storage'] & ConstructorParameters<typeof RequestKeys>[0];
  readonly writer: ChainWriter;
  /** Whether a block at a height has to be signed. */
  isSigned(height: number): boolean;
}

/**
 * Makes blocks of records on the head. One batch is written at a time; what is asked for meanwhile goes into the next one
 * (group commit), in the order of the calls.
 */
export class BlockProducer {
  readonly #deps: BlockProducerDeps;
  readonly #keys: RequestKeys;
  readonly #queue: RequestQueue;
  #running: Promise<void> | null = null;
  #isClosed = false;
  /** Rollbacks that the keys know of. */
  #drops = 0;

  constructor(deps: BlockProducerDeps) {
    this.#deps = deps;
    this.#keys = new RequestKeys(deps.storage);
    this.#queue = new RequestQueue(deps.settings.maxWaitingBytes);
  }

  /** @throws as `Chain.produce` */
  async produce(given: unknown, options: ProduceOptions): Promise<ProducedBlock | readonly ProducedBlock[]> {
    const { idempotencyKey, signal } = produceOptions(options);
    const { records, isList } = recordList(given);
    const making = this.#making();
    this.#deps.writer.checkOwner();
    if (this.#isClosed) throw new SyncError('STORE_CLOSED', 'The chain is closed.');
    const request = new Request(records, idempotencyKey);
    this.#queue.add(request, signal ?? undefined);
    this.#running ??= this.#drain(making);
    const blocks = await request.outcome;
    const [first] = blocks;
    return isList || first === undefined ? blocks : first;
  }

  /** Stores what waits, and takes nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  #making(): BlockMaking {
    const { rules, settings, writer } = this.#deps;
    if (rules.making === undefined)
      throw cannotProduce(`can't be produced: the rules ${rules.id} make no blocks.`);
    if (settings.signer === null && this.#deps.isSigned(nextHeight(writer.appendPoint)))
      throw cannotProduce(
        "can't be produced: `producers` asks for signed blocks, and there is no `produce.signer`.",
      );
    return rules.making;
  }

  async #drain(making: BlockMaking): Promise<void> {
    // Those who call in the same turn are stored together.
    await Promise.resolve();
    while (!this.#queue.isEmpty) await this.#store(this.#queue.take(), making);
    this.#running = null;
  }

  async #store(requests: readonly Request[], making: BlockMaking): Promise<void> {
    const { writer } = this.#deps;
    const round = new Round({ ...this.#deps, making, keys: this.#keys });
    try {
      await writer.append(() => {
        this.#noticeDrops();
        return round.make(requests, writer.appendPoint);
      });
      round.done();
    } catch (error) {
      // A state transition fails before anything is written; of another failure nobody knows what is stored.
      if (isSyncError(error, 'STATE_FAILED')) this.#keys.takeBack();
      else this.#keys.forget();
      // Whose caller was told that it failed is not tried again.
      const open = requests.filter(({ isSettled }) => !isSettled);
      if (open.length > 1 && isSyncError(error, 'STATE_FAILED')) {
        for (const request of open) await this.#store([request], making);
      } else for (const request of open) request.failed(error);
    }
  }

  /** Blocks that were dropped have taken their keys with them. */
  #noticeDrops(): void {
    const { drops } = this.#deps.writer;
    if (drops !== this.#drops) this.#keys.forget();
    this.#drops = drops;
  }
}

/** Makes what produces the blocks of one chain. */
export type MakeProducer = (deps: BlockProducerDeps) => BlockProducer;

/** @see MakeProducer */
export const blockProducer: MakeProducer = (deps) => new BlockProducer(deps);
