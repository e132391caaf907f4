import type { Codec, CodecPlugin, CodecRegistry } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/** Makes the registry of one engine or server; the order of the plugins is the order of preference. */
export function codecRegistry(plugins: readonly CodecPlugin[]): CodecRegistry {
  const codecs = new Map<string, Codec>(plugins.map((plugin) => [plugin.name, plugin.create()]));
  const ids = [...codecs.keys()];
  return {
    ids,
    has: (id) => codecs.has(id),
    get(id) {
      const codec = codecs.get(id);
      if (codec !== undefined) return codec;
      throw new SyncError(
        'CODEC_UNAVAILABLE',
        `There is no codec ${JSON.stringify(id)} here; there are ${ids.join(', ')}.`,
      );
    },
  };
}
