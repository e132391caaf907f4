// Another library's EventSource on our stream: decodes and checks every block as our client does, but stores nothing.
import { gunzipSync } from 'node:zlib';
import { ethereum } from '../../plugins/chain-ethereum/index.js';
import { sealedJson } from '../../plugins/chain-sealed-json/index.js';
import { startMeter } from '../meter.js';
import { settings, tell } from '../process.js';

interface Settings {
  readonly url: string;
  readonly library: string;
  readonly chain: string;
}

/** What the libraries have in common. */
interface Events {
  addEventListener(name: string, listener: (event: { readonly data?: string }) => void): void;
  close(): void;
}
type EventSourceClass = new (url: string) => Events;

const { url, library, chain } = settings() as Settings;
const EventSource = await load();
if (EventSource === null) await tell({ skipped: `the package ${library} is not installed` });
else await measure(EventSource);
process.disconnect();

async function load(): Promise<EventSourceClass | null> {
  try {
    return ((await import(library)) as { readonly EventSource: EventSourceClass }).EventSource;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

async function measure(Source: EventSourceClass): Promise<void> {
  const rules = (chain === 'ethereum' ? ethereum() : sealedJson()).create();
  let previousHash = rules.genesisPreviousHash;
  let blocks = 0;
  const stop = startMeter();
  await new Promise<void>((resolve) => {
    const events = new Source(`${url}/sync/stream?from_height=0`);
    events.addEventListener('block', ({ data = '' }) => {
      const header = rules.verify(gunzipSync(Buffer.from(data, 'base64')), { height: blocks });
      if (previousHash !== null && header.previousHash !== previousHash)
        throw new Error(`Block ${blocks} does not link.`);
      previousHash = header.hash;
      blocks += 1;
    });
    events.addEventListener('complete', () => {
      events.close();
      resolve();
    });
    events.addEventListener('error', () => {
      throw new Error('The stream failed.');
    });
  });
  const measured = stop();
  await tell({ ...measured, blocks });
}
