import { peakRssBytes } from '../../bench/process.js';
import { postgresStorage } from '../../plugins/storage-postgres/index.js';
import { fixtureBatch, fixtureFrames } from '../../src/testing/fixture-frames.js';

// Writes, or reads, one large block, and tells whether it is whole and how much memory the process had at most.
const [url = '', role = '', size = ''] = process.argv.slice(2);
const isReader = role === 'reader';
const storage = postgresStorage({
  url,
  store: 'large',
  durability: 'primary',
  role: isReader ? 'reader' : 'writer',
}).create();
await storage.open();
const bytes = Number(size);
if (!isReader) await storage.commit(fixtureBatch(fixtureFrames(1, { bytes })));
else {
  const found = (await storage.get(0))?.bytes;
  // The pattern of what was made comes again after so many bytes.
  const [small] = fixtureFrames(1, { bytes: 8192 });
  const page = Buffer.from(small?.bytes ?? []);
  for (let at = 0; at < bytes; at += page.byteLength)
    if (found === undefined || !page.equals(found.subarray(at, at + page.byteLength)))
      throw new Error(`The block differs from ${at} on.`);
}
await storage.close();
process.send?.(peakRssBytes());
process.disconnect();
