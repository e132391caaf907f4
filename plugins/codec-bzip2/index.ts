import { PLUGIN_API_VERSION, type CodecPlugin } from '../../src/contracts/index.js';
import { bzip2Codec, type Bzip2Settings } from './codec.js';
import { STREAM_BYTES } from './gatherer.js';

/** Options of {@link bzip2}. */
export interface Bzip2Options {
  /** Block size in units of 100,000 bytes, 1 to 9 (smallest output). Default 9. */
  readonly level?: number;
  /**
   * Whether `decodeStream` takes any streams in a row, as `bunzip2` does. By default a stream that is not full, one of
   * other than {@link BZIP2_STREAM_BYTES} decoded bytes, must be the last, so that nothing can be appended to a body.
   * `decode` always holds to that.
   */
  readonly multiStream?: boolean;
}

/**
 * Decoded bytes of each stream of a body but the last: 899,981. Parts of this size come out as one bzip2 block each.
 */
export const BZIP2_STREAM_BYTES = STREAM_BYTES;

/**
 * Registers the codec `bzip2`. A body is a row of complete bzip2 streams, which every bzip2 program reads.
 * Decoding makes no more than it is allowed.
 *
 * Encoding takes about 60 ms and decoding 10 ms for each 900 kB. The streaming calls give the event loop a turn between
 * such pieces; a server or client that has other work to do leaves bodies to `CodecWorkers`.
 *
 * @throws TypeError for a level that is not an integer from 1 to 9
 */
export function bzip2(options: Bzip2Options = {}): CodecPlugin {
  const { level = 9, multiStream = false } = options;
  if (!Number.isInteger(level) || level < 1 || level > 9) {
    throw new TypeError(`bzip2: level must be an integer from 1 to 9, not ${String(level)}.`);
  }
  const settings: Bzip2Settings = { level, multiStream };
  return {
    kind: 'codec',
    name: 'bzip2',
    apiVersion: PLUGIN_API_VERSION,
    create: () => bzip2Codec(settings),
    worker: { module: new URL('./worker.js', import.meta.url).href, options: settings },
  };
}
