import { createSyncEngine } from 'blockferry';

const engine = createSyncEngine({
  peers: [process.argv[2] ?? 'http://127.0.0.1:8080'],
  storage: { use: 'leveldb', location: process.argv[3] ?? './node-b' },
});
engine.events.subscribe((event) => {
  if (event.type === 'progress') console.log(`block ${event.height} of ${event.head}`);
});
await engine.run((block) => {
  console.log(block.height, block.hash);
});
await engine.close();
