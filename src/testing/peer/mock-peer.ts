import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChainConfig } from '../../config/types.js';
import type { ServerLimits } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import { openChain } from '../../open-chain.js';
import { createSyncServer } from '../../server/create-server.js';
import { nodeListener } from '../../server/node.js';
import { type FaultInjector, faultInjector } from './injector.js';

/** A peer that serves a chain by the whole protocol, on a line on which things go wrong when they are told to. */
export interface MockPeer extends FaultInjector {
  /** What it serves: append to it and roll it back, and who follows the peer hears of it. */
  readonly chain: Chain;
}

/** What a {@link mockPeer} is made with. */
export interface MockPeerOptions extends Pick<ChainConfig, 'chain' | 'finality'> {
  /**
   * Bounds of the server that are others than its defaults.
   *
   * @defaultValue none
   */
  readonly limits?: Partial<ServerLimits>;
}

/**
 * Starts a peer in this process, on a free port of 127.0.0.1, that holds its chain in memory.
 *
 * @param documents - blocks from the first one on.
 * @throws SyncError for documents that are no chain @throws TypeError for options that are none
 */
export async function mockPeer(
  documents: readonly Uint8Array[],
  { limits = {}, ...config }: MockPeerOptions = {},
): Promise<MockPeer> {
  const chain = await openChain({ ...config, storage: { use: 'memory' } });
  const sync = createSyncServer({ source: chain, limits });
  const server = createServer(nodeListener(sync)).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    await chain.append(documents);
    await chain.tilesMade();
    const line = await faultInjector(`http://127.0.0.1:${(server.address() as AddressInfo).port}/sync`);
    const close = async (): Promise<void> => {
      await line.close();
      await end();
    };
    return { ...line, chain, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await end();
    throw error;
  }

  async function end(): Promise<void> {
    await sync.close({ graceMs: 0 });
    server.closeAllConnections();
    server.close();
    await chain.close();
  }
}
