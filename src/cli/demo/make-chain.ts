import { seal, SEALED_JSON_GENESIS } from '../../../plugins/chain-sealed-json/index.js';
import { ProgressMeter } from '../../engine/events/progress.js';
import { throwIfAborted } from '../../internal/abort.js';
import { openPlanned } from '../../open-chain.js';
import { storePlan } from '../options.js';
import type { CommandContext } from '../run-command.js';
import { throttled } from '../throttle.js';
import ledger from './ledger.js';
import { demoPayload } from './records.js';

/** Blocks appended at once: some tens of milliseconds of work. */
const BATCH_BLOCKS = 10;

/** Makes a store with a chain of synthetic records. @returns the bytes of its documents. */
export async function makeChain(
  location: string,
  blocks: number,
  { out, signal }: Pick<CommandContext, 'out' | 'signal'>,
): Promise<number> {
  const chain = await openPlanned(storePlan({ data: location }, true, { stateTransition: ledger }));
  const meter = new ProgressMeter(() => performance.now());
  const tell = (): void => {
    out.emit({ type: 'progress', ...meter.sample() });
  };
  const tellSometimes = throttled(tell);
  meter.place(null, blocks - 1);
  try {
    for (const batch of batches(blocks)) {
      throwIfAborted(signal);
      const refs = await chain.append(batch);
      meter.add(batch.length, bytesOf(batch), refs.at(-1)?.height ?? 0);
      tellSometimes();
    }
    tell();
    return meter.current().bytes;
  } finally {
    await chain.close();
  }
}

function* batches(blocks: number): Generator<readonly Uint8Array[], void, undefined> {
  let previousHash = SEALED_JSON_GENESIS;
  let batch: Uint8Array[] = [];
  for (let height = 0; height < blocks; height++) {
    const { document, hash } = seal(demoPayload(height), { height, previousHash });
    batch.push(document);
    previousHash = hash;
    if (batch.length < BATCH_BLOCKS && height < blocks - 1) continue;
    yield batch;
    batch = [];
  }
}

function bytesOf(documents: readonly Uint8Array[]): number {
  return documents.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
