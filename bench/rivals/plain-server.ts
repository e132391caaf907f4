// The plain design's server, as one writes it first: blocks are objects in memory, which favours it (no store is read),
// each is compressed for each client, and nothing is kept of that.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import express, { type Express, type Response } from 'express';
import type { PlainBlock } from './plain-chain.js';

/** Serves blocks from height 0 on. @param pauseMs - between two blocks of a stream. */
export function plainApp(blocks: readonly PlainBlock[], pauseMs = 0): Express {
  const app = express();
  app.get('/stream', (req, res) => {
    stream(res, blocks, Number(req.query['from_height'] ?? 0), pauseMs).catch(() => res.destroy());
  });
  app.get('/json', (req, res) => {
    const [from, to] = [Number(req.query['from'] ?? 0), Number(req.query['to'] ?? blocks.length - 1)];
    res.json(blocks.slice(from, to + 1));
  });
  return app;
}

async function stream(
  res: Response,
  blocks: readonly PlainBlock[],
  from: number,
  pauseMs: number,
): Promise<void> {
  const gone = new AbortController();
  res.once('close', () => {
    gone.abort();
  });
  res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache, no-transform' });
  for (const block of blocks.slice(from)) {
    const data = gzipSync(JSON.stringify(block)).toString('base64');
    const taken = res.write(`id: ${block.height}\nevent: block\ndata: ${data}\n\n`);
    if (!taken) await once(res, 'drain', { signal: gone.signal });
    if (pauseMs > 0) await delay(pauseMs);
  }
  const head = blocks.at(-1);
  res.end(`event: complete\ndata: ${JSON.stringify({ height: head?.height, hash: head?.hash })}\n\n`);
}
