// A node: it follows its peers, feeds others at /sync, shows itself at /ui, and has a route of its own.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSyncEngine } from 'blockferry';
import { syncDashboard, syncMiddleware } from 'blockferry/express';
import { createMetrics } from 'blockferry/metrics';
import express from 'express';

/**
 * Starts the node.
 *
 * @param {{ peers: string[], data: string, host?: string, port?: number }} options
 */
export async function startApp({ peers, data, host = '127.0.0.1', port = 0 }) {
  const metrics = createMetrics({ labels: { app: 'my-node' } });
  const engine = createSyncEngine({ peers, storage: { use: 'leveldb', location: data }, follow: true });
  metrics.watch(engine);
  const following = engine.start();
  following.catch(() => undefined); // Whoever awaits `following` of the result hears of it.

  const chain = await engine.opened();
  const sync = syncMiddleware({ source: chain, metrics, readiness: { engine } });
  // Whoever reaches the dashboard sees the peers and all blocks: put your login in front of it.
  const dashboard = syncDashboard({ engine, server: sync.server });

  const app = express();
  app.use('/sync', sync);
  app.use('/ui', dashboard);
  app.get('/', (_request, response) => {
    const { head, finalized } = chain.tip();
    response.json({ head: head?.height ?? null, finalized: finalized?.height ?? null });
  });

  const server = createServer(app).listen(port, host);
  await once(server, 'listening');
  return {
    url: `http://${host}:${server.address().port}`,
    engine,
    /** Rejects when the node can't go on. */
    following,
    /** In reverse order of the start. */
    async close() {
      server.close();
      dashboard.close();
      await sync.close();
      server.closeAllConnections();
      await engine.close();
    },
  };
}
