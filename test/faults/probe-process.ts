// Asks a server for its status again and again, and tells on SIGTERM how long the answers took.
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const EVERY_MS = 20;
const url = process.argv[2] ?? '';
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const times: number[] = [];
let failed = 0;

const ask = (): Promise<void> =>
  new Promise((resolve) => {
    const startMs = performance.now();
    const fail = (): void => {
      failed += 1;
      resolve();
    };
    // An address of its own: what is asked under the others does not count against it.
    get(url, { agent, localAddress: '127.0.0.99', timeout: 10_000 }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) times.push(performance.now() - startMs);
        else failed += 1;
        resolve();
      });
      response.once('error', fail);
    })
      .once('timeout', function (this: { destroy(): void }) {
        this.destroy();
      })
      .once('error', fail);
  });

process.once('SIGTERM', () => {
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.floor(times.length * part)] ?? Number.NaN;
  const told = { count: times.length, failed, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(0.9999) };
  console.log(JSON.stringify(told));
  process.exit();
});
for (;;) {
  await ask();
  await delay(EVERY_MS);
}
