import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { EventSource as PackageEventSource } from 'eventsource';
import express, { type RequestHandler } from 'express';
import { EventSource as UndiciEventSource } from 'undici';
import { syncMiddleware } from '../../src/server/express.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';

const COUNT = 400;
const documents = sealedChain(COUNT);

interface Log {
  readonly origin: string;
  /** `Last-Event-ID` and status of each request. */
  readonly requests: { lastEventId: string | null; status: number }[];
}

/** A server whose first stream breaks after so many bytes, and which asks to come back soon. */
async function breakingServer(t: ExecutionContext, cutAfterBytes: number): Promise<Log> {
  const requests: Log['requests'] = [];
  const cut: RequestHandler = (req, res, next) => {
    const entry = { lastEventId: req.get('last-event-id') ?? null, status: 0 };
    const first = requests.push(entry) === 1;
    // A line is written into the stream: it must not be compressed.
    req.headers['accept-encoding'] = 'identity';
    const write = res.write.bind(res) as (chunk: Uint8Array) => boolean;
    let bytes = 0;
    res.on('close', () => (entry.status = res.statusCode));
    res.write = ((chunk: Uint8Array) => {
      const head = bytes === 0 ? Buffer.from('retry: 20\n') : Buffer.alloc(0);
      const room = first ? cutAfterBytes - bytes : Infinity;
      bytes += chunk.length;
      if (room >= chunk.length) return write(Buffer.concat([head, chunk]));
      write(Buffer.concat([head, chunk.subarray(0, Math.max(room, 0))]));
      res.socket?.end();
      return false;
    }) as typeof res.write;
    next();
  };
  const middleware = syncMiddleware({ source: new MemorySource(documents, { batch: 20 }) });
  const app = express();
  app.use(cut);
  app.use('/sync', middleware);
  t.teardown(() => middleware.close());
  return { origin: await listen(t, app), requests };
}

const CUT = 60_000;
const sources = { eventsource: PackageEventSource, 'the EventSource of undici': UndiciEventSource };

for (const [name, Source] of Object.entries(sources)) {
  test(`${name} reads every block once although it is cut off, and stops at the end`, async (t) => {
    const { origin, requests } = await breakingServer(t, CUT);
    const source = new Source(`${origin}/sync/stream?codec=identity`);
    t.teardown(() => {
      source.close();
    });
    const seen: string[] = [];
    let completes = 0;
    source.addEventListener('block', (event) => {
      const { data } = event as unknown as { data: string };
      seen.push(data);
    });
    source.addEventListener('complete', () => (completes += 1));
    await new Promise<void>((resolve) => {
      source.addEventListener('error', () => {
        if (source.readyState === source.CLOSED) resolve();
      });
    });
    t.deepEqual(
      seen,
      documents.map((document) => Buffer.from(document).toString()),
    );
    t.is(completes, 1);
    t.deepEqual(
      requests.map(({ status }) => status),
      [200, 200, 204],
    );
    t.is(requests[0]?.lastEventId, null);
    t.true(Number(requests[1]?.lastEventId) > 10);
    t.is(requests[2]?.lastEventId, String(COUNT - 1));
  });
}

async function curl(url: string, ...more: string[]): Promise<{ exit: number; text: string }> {
  const child = spawn('curl', ['--silent', '--no-buffer', ...more, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [exit] = (await once(child, 'close')) as [number];
  return { exit, text: Buffer.concat(chunks).toString() };
}

test('curl reads the stream, notices that it is cut off, and goes on where it was', async (t) => {
  const { origin } = await breakingServer(t, CUT);
  const url = `${origin}/sync/stream?codec=identity`;
  const first = await curl(url);
  t.not(first.exit, 0);
  const whole = first.text.slice(0, first.text.lastIndexOf('\n\n') + 2);
  const last = /id: (\d+)\n[^\n]*\n\n$/.exec(whole)?.[1] ?? '';
  const second = await curl(url, '--header', `Last-Event-ID: ${last}`);
  t.is(second.exit, 0);
  const data = (whole + second.text).match(/^data: .*$/gm)?.map((line) => line.slice(6));
  t.deepEqual(
    data?.slice(0, -1),
    documents.map((document) => Buffer.from(document).toString()),
  );
  const third = await curl(url, '--header', `Last-Event-ID: ${COUNT - 1}`, '--write-out', '%{http_code}');
  t.is(third.text, '204');
});
