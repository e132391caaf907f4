import type { CodecRegistry, CodecWorkers } from '../contracts/index.js';
import { throwIfAborted } from '../internal/abort.js';
import { pack } from './pack.js';

/** {@link CodecWorkers} without threads, for codecs that have no worker module. */
export function inThreadWorkers(codecs: CodecRegistry): CodecWorkers {
  return {
    threads: 1,
    pack: (task, options = {}) => run(() => pack(codecs, task), options.signal),
    encode: (codec, documents, options = {}) =>
      run(() => documents.map((document) => codecs.get(codec).encode(document)), options.signal),
    decode: (codec, bytes, limits, options = {}) =>
      run(() => codecs.get(codec).decode(bytes, limits), options.signal),
    close: () => Promise.resolve(),
  };
}

/** Each piece of work is a turn of the event loop of its own. */
async function run<T>(work: () => T, signal: AbortSignal | undefined): Promise<T> {
  await new Promise((resolve) => setImmediate(resolve));
  throwIfAborted(signal);
  return work();
}
