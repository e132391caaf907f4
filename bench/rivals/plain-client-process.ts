// The plain design's client: an EventSource or one range after the other; every block is checked and put into LevelDB.
import { gunzipSync } from 'node:zlib';
import { ClassicLevel } from 'classic-level';
import { EventSource } from 'eventsource';
import { startMeter } from '../meter.js';
import { settings, tell } from '../process.js';
import type { PlainBlock } from './plain-chain.js';
import { PlainChecker } from './plain-check.js';

interface Settings {
  readonly url: string;
  readonly location: string;
  readonly way: 'stream' | 'json';
}

const RANGE = 100;
const { url, location, way } = settings() as Settings;
const stop = startMeter();
const db = new ClassicLevel(location);
await db.open();
const checker = new PlainChecker();

/** Events don't wait for the store, so the puts wait for each other. */
async function stream(): Promise<void> {
  let stored = Promise.resolve();
  await new Promise<void>((resolve) => {
    const events = new EventSource(`${url}/stream?from_height=0`);
    events.addEventListener('block', ({ data }) => {
      const text = gunzipSync(Buffer.from(data as string, 'base64')).toString();
      const block = JSON.parse(text) as PlainBlock;
      checker.check(block, text);
      stored = stored.then(() => db.put(String(block.height), text));
    });
    events.addEventListener('complete', () => {
      events.close();
      resolve();
    });
    events.addEventListener('error', ({ message }) => {
      throw new Error(`The stream failed: ${String(message)}`);
    });
  });
  await stored;
}

async function ranges(): Promise<void> {
  for (let from = 0; ; from += RANGE) {
    const response = await fetch(`${url}/json?from=${from}&to=${from + RANGE - 1}`);
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    const blocks = (await response.json()) as readonly PlainBlock[];
    for (const block of blocks) {
      const text = JSON.stringify(block);
      checker.check(block, text);
      await db.put(String(block.height), text);
    }
    if (blocks.length < RANGE) return;
  }
}

await (way === 'json' ? ranges() : stream());
await db.close();
const measured = stop();
await tell({ ...measured, blocks: checker.blocks });
process.disconnect();
