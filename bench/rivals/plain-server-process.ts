import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { settings } from '../process.js';
import { serveUntilStopped } from '../serve.js';
import type { PlainBlock } from './plain-chain.js';
import { plainApp } from './plain-server.js';

interface Settings {
  readonly file: string;
  /** Only so many blocks; `null` for all. */
  readonly blocks: number | null;
  readonly pauseMs: number;
}

const { file, blocks: count, pauseMs } = settings() as Settings;
const blocks: PlainBlock[] = [];
for await (const line of createInterface({ input: createReadStream(file) })) {
  if (blocks.length === count) break;
  blocks.push(JSON.parse(line) as PlainBlock);
}
await serveUntilStopped(plainApp(blocks, pauseMs), () => Promise.resolve());
