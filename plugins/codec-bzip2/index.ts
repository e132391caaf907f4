import { PLUGIN_API_VERSION, type CodecPlugin } from '../../src/contracts/index.js';
import { ownModule } from '../../src/internal/node/own-module.js';
import { readOptions } from '../../src/internal/options/index.js';
import { bzip2Codec } from './codec.js';
import { STREAM_BYTES } from './gatherer.js';
import { BZIP2_OPTIONS, type Bzip2Options } from './options.js';

export type { Bzip2Options } from './options.js';

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
 * @throws TypeError for a level out of bounds, and for an option that there isn't.
 */
export function bzip2(options: Bzip2Options = {}): CodecPlugin {
  const settings = readOptions('bzip2', options, BZIP2_OPTIONS);
  return {
    kind: 'codec',
    name: 'bzip2',
    apiVersion: PLUGIN_API_VERSION,
    create: () => bzip2Codec(settings),
    worker: { module: ownModule('plugins/codec-bzip2/worker.js'), options: settings },
  };
}
