import type { Codec, CodecRegistry } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** A registry whose codecs are made at their first use. */
export function lazyCodecs(makers: ReadonlyMap<string, () => Codec>): CodecRegistry {
  const made = new Map<string, Codec>();
  const ids = [...makers.keys()];
  return {
    ids,
    has: (id) => makers.has(id),
    get(id) {
      const make = makers.get(id);
      if (make === undefined) {
        const message = `There is no codec ${JSON.stringify(id)} here; there are ${ids.join(', ')}.`;
        throw new SyncError('CODEC_UNAVAILABLE', message);
      }
      const codec = made.get(id) ?? make();
      made.set(id, codec);
      return codec;
    },
  };
}
