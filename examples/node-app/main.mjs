// PEERS=https://a.example/sync,https://b.example/sync DATA=./data PORT=8080 npm start
import { startApp } from './app.mjs';

const { PEERS = '', DATA = './data', HOST = '127.0.0.1', PORT = '8080' } = process.env;
const app = await startApp({ peers: PEERS.split(','), data: DATA, host: HOST, port: Number(PORT) });
console.log(`${app.url}/ui`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void app.close());
await app.following.catch((error) => {
  // A close that was asked for ends it as well.
  if (error.code === 'ABORTED') return;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
  return app.close();
});
