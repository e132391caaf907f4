import { tileTransport } from '../../plugins/transport-tile/index.js';
import type { Transport, TransportDeps, TransportPlugin } from '../../src/contracts/index.js';

/** The transport of tiles, broken: each request begins at the first block, so that a check can be seen to catch it. */
export function forgetfulTiles(): TransportPlugin {
  const plugin = tileTransport();
  const create = (deps: TransportDeps): Transport => {
    const transport = plugin.create(deps);
    return {
      name: transport.name,
      mode: transport.mode,
      supports: transport.supports,
      status: (peer, options) => transport.status(peer, options),
      close: async () => transport.close?.(),
      open: (request, options) => transport.open({ ...request, after: null, from: 0 }, options),
    };
  };
  return { ...plugin, create };
}
