// Follows a stream with many connections, and tells the parent how long each block took from being appended to its end.
import { request } from 'node:http';

const [url = '', countText = '0', slowText = '0'] = process.argv.slice(2);
const SLOW_BYTES_PER_SECOND = 1000;

/** When each block was appended, by height, as the parent tells. */
const appended = new Map<number, number>();
const latencies: number[] = [];
/** What came before the parent's word. */
const early = new Map<number, number[]>();
let open = 0;

function received(height: number, at: number): void {
  const since = appended.get(height);
  if (since !== undefined) latencies.push(at - since);
  else early.set(height, [...(early.get(height) ?? []), at]);
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

function follow(): void {
  request(url, { agent: false }, (response) => {
    let tail = '';
    let id = -1;
    response.setEncoding('latin1');
    response.on('data', (chunk: string) => {
      const lines = (tail + chunk).split('\n');
      tail = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('id: ')) id = Number(line.slice(4));
        else if (line === '' && id >= 0) {
          received(id, now());
          id = -1;
        }
      }
    });
    process.send?.({ open: ++open });
  }).end();
}

function followSlowly(): void {
  request(url, { agent: false }, (response) => {
    response.pause();
    setInterval(() => response.read(SLOW_BYTES_PER_SECOND) as unknown, 1000);
    process.send?.({ open: ++open });
  }).end();
}

for (let count = Number(countText); count > 0; count--) follow();
for (let count = Number(slowText); count > 0; count--) followSlowly();

process.on('message', (message: { height: number; at: number } | 'report') => {
  if (message === 'report') {
    process.send?.({ latencies: latencies.splice(0) });
    return;
  }
  appended.set(message.height, message.at);
  for (const at of early.get(message.height) ?? []) latencies.push(at - message.at);
  early.delete(message.height);
});
