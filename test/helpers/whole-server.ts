import type { ExecutionContext } from 'ava';
import { secp256k1Signer } from '../../plugins/signer-secp256k1/index.js';
import { openChain } from '../../src/index.js';
import { createSyncServer, nodeListener, type SyncServerConfig } from '../../src/server/index.js';
import { sealedChain } from './sealed-chain.js';
import { listen } from './servers.js';
import { tempDir } from './temp-dir.js';
import { until } from './waiting.js';

/**
 * Starts a server with all that the protocol has: 1,100 blocks, of which the first 1,024 are a tile and all but three are
 * final, and a snapshot.
 *
 * @returns its address.
 */
export async function serveAll(
  t: Pick<ExecutionContext, 'teardown'>,
  options: Partial<SyncServerConfig> = {},
): Promise<string> {
  const directory = tempDir(t);
  const chain = await openChain({ storage: { use: 'memory' }, finality: { depth: 3 } });
  await chain.append(sealedChain(1_100, (height) => ({ timestamp: height, note: `x${height}` })));
  await chain.tilesMade();
  const signer = await secp256k1Signer(Buffer.alloc(32, 7));
  const limits = { heartbeatMs: 50 };
  const server = createSyncServer({ source: chain, limits, snapshots: { directory, signer }, ...options });
  t.teardown(async () => {
    await server.close();
    await chain.close();
  });
  await until(() => (server.status() as { readonly snapshots: readonly unknown[] }).snapshots.length > 0);
  return `${await listen(t, nodeListener(server))}/sync`;
}
