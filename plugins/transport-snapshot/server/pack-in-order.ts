import type { CodecWorkers, Packed } from '../../../src/contracts/index.js';
import { throwIfAborted } from '../../../src/internal/abort.js';
import { LinkedAbort } from '../../../src/internal/linked-abort.js';
import type { Run } from './runs.js';

/** Decoded bytes that are in work at once at most; a single run that is larger is worked on alone. */
const MAX_BYTES_IN_WORK = 32 * 1024 * 1024;

/** What all runs are packed with. */
export interface Packing {
  readonly workers: CodecWorkers;
  readonly codec: string;
  readonly maxPartBytes: number;
  readonly signal: AbortSignal;
}

/** A run with what became of it. */
export interface PackedRun {
  readonly run: Run;
  readonly packed: Packed;
}

interface InWork {
  readonly run: Run;
  readonly result: Promise<Packed>;
}

/**
 * Packs runs on worker threads, one more at once than there are threads, and yields them in their order. A run counts
 * as in work until it was taken, which bounds the memory when the taker is the slow one. However this ends, no work is
 * left behind.
 */
export async function* packInOrder(
  runs: AsyncIterable<Run>,
  { workers, codec, maxPartBytes, signal }: Packing,
): AsyncGenerator<PackedRun> {
  const inWork: InWork[] = [];
  const stop = new LinkedAbort(signal);
  let bytes = 0;
  const oldest = async (): Promise<PackedRun> => {
    const [{ run, result }] = inWork as [InWork];
    const packed = await result;
    throwIfAborted(signal);
    inWork.shift();
    bytes -= run.rawBytes;
    return { run, packed };
  };
  const isFull = (run: Run): boolean =>
    inWork.length > workers.threads || (inWork.length > 0 && bytes + run.rawBytes > MAX_BYTES_IN_WORK);
  try {
    throwIfAborted(signal);
    for await (const run of runs) {
      while (isFull(run)) yield await oldest();
      const result = workers.pack({ codec, chunks: run.chunks, maxPartBytes }, { signal: stop.signal });
      result.catch(() => undefined);
      inWork.push({ run, result });
      bytes += run.rawBytes;
    }
    while (inWork.length > 0) yield await oldest();
  } finally {
    stop.release();
    stop.abort();
    await Promise.allSettled(inWork.map(({ result }) => result));
  }
}
