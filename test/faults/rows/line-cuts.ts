import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createSyncEngine } from '../../../src/index.js';
import { until } from '../../helpers/waiting.js';
import { type ClientOptions, clientOptions, finished, serve, startClient } from '../client.js';
import { readJournal } from '../journal.js';
import { must, type Row } from '../row.js';
import type { Site } from '../site.js';
import { SlowLine } from '../slow-line.js';
import { makeSource, type Source } from '../source.js';

const CUT_EVENTS = 3;

interface Recorded {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a server really answers, uncompressed so that each byte is one of the events' text. */
async function recorded(url: string): Promise<Recorded> {
  const answer = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
  return { status: answer.status, headers: headersOf(answer), body: Buffer.from(await answer.arrayBuffer()) };
}

async function listen(site: Site, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  site.defer(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A line whose next stream is cut. */
interface Cuttable {
  /** Bytes after which the next stream is cut; −1 for not at all. */
  at: number;
  /** What was streamed first. */
  streamed: Recorded | null;
}

/** Answers with what a server really answers, cut when it is due. */
async function answer(url: string, res: ServerResponse, line: Cuttable): Promise<void> {
  const isStream = url.includes('/stream');
  const { status, headers, body } =
    isStream && line.at >= 0 && line.streamed ? line.streamed : await recorded(url);
  res.writeHead(status, headers);
  res.flushHeaders();
  if (!isStream) {
    res.end(body);
    return;
  }
  line.streamed ??= { status, headers, body };
  const cut = line.at;
  line.at = -1;
  if (cut < 0) res.end(body);
  else res.write(body.subarray(0, cut), () => res.socket?.destroySoon());
}

/** A client whose first stream is cut behind so many bytes. @returns the heights that it was handed */
async function cutAt(cut: number, line: Cuttable, origin: string): Promise<readonly number[]> {
  const engine = createSyncEngine({
    peers: [origin],
    storage: { use: 'memory' },
    mode: 'stream',
    retry: { baseDelayMs: 1, maxDelayMs: 2, quickForMs: 0 },
  });
  line.at = cut;
  const handed: number[] = [];
  try {
    await engine.run((block) => {
      handed.push(block.height);
    });
  } finally {
    await engine.close();
  }
  return handed;
}

export const cutAnywhere: Row = {
  name: 'cut-anywhere',
  group: 'line',
  fault: 'the stream of three blocks is cut behind its 1st, 2nd, 3rd … last byte',
  bar: 'at every offset: three blocks handed over, each once and in order; no part of an event is taken',
  needs: [],
  inSlice: true,
  limitSeconds: 200,
  control: null,
  async run(site, scale) {
    const source = await makeSource(site, CUT_EVENTS, 200);
    const real = await serve(site, source);
    const line: Cuttable = { at: -1, streamed: null };
    const origin = await listen(site, (req, res) => {
      void answer(`${real}${req.url ?? '/'}`, res, line).catch(() => res.destroy());
    });
    // Once without a cut, to see what is streamed.
    must((await cutAt(-1, line, origin)).join() === '0,1,2', 'without a cut the stream is not whole');
    const length = line.streamed?.body.length ?? 0;
    const step = scale.pick(1, 37);
    let cuts = 0;
    for (let cut = 0; cut < length; cut += step, cuts++) {
      const handed = await cutAt(cut, line, origin);
      must(line.at === -1, `the stream was not cut behind byte ${cut}`);
      must(handed.join() === '0,1,2', `cut behind byte ${cut}: handed ${handed.join()}`);
    }
    return [`${cuts} cuts of a stream of ${length} bytes: 0 gaps, 0 repeats, 0 parts of an event`];
  },
};

/** The headers of an answer but for those of the connection it came by. */
function headersOf(answer: Response): Readonly<Record<string, string>> {
  const hop = new Set([
    'content-encoding',
    'content-length',
    'transfer-encoding',
    'connection',
    'keep-alive',
  ]);
  return Object.fromEntries([...answer.headers].filter(([name]) => !hop.has(name)));
}

/** Bytes that a sync takes over a line. */
async function bytesOf(site: Site, source: Source, url: string): Promise<number> {
  const line = await SlowLine.to(site, url);
  const options = byStream(clientOptions(site, line.url, 'clean'));
  await finished(startClient(site, options), options, source);
  return line.passedBytes;
}

/** Of a tile, which is one body, all is sent again. */
const byStream = (options: ClientOptions): ClientOptions => ({ ...options, mode: 'stream' });

export const cutLines: Row = {
  name: 'cut-lines',
  group: 'line',
  fault: 'the line is cut 200 times in one sync by stream, by RST and FIN in turn',
  bar: 'the sync ends; whole, once each, in order; at most 64 KiB are sent again for each cut',
  needs: [],
  inSlice: true,
  limitSeconds: 480,
  control: null,
  async run(site, scale) {
    const cuts = scale.pick(200, 12);
    const source = await makeSource(site, cuts * 100);
    const url = await serve(site, source);
    const cleanBytes = await bytesOf(site, source, url);
    const seconds = cuts * 0.35;
    const line = await SlowLine.to(site, url, cleanBytes / seconds);
    const options = byStream(clientOptions(site, line.url));
    const startMs = performance.now();
    const client = startClient(site, options);
    // A peer that never worked is given up after five attempts.
    await until(() => (readJournal(options.journal)[0]?.durable ?? -1) >= 0);
    const over = client.ended.then(() => true);
    let made = 0;
    while (!(await Promise.race([over, delay(100 + ((made * 53) % 250), false)]))) {
      if (line.connections === 0 || made >= cuts) continue;
      line.cut(made % 2 === 0 ? 'reset' : 'end');
      made += 1;
      if (made === cuts) line.open();
    }
    await finished(client, options, source);
    const again = Math.max(0, line.passedBytes - cleanBytes) / Math.max(1, made);
    must(made > cuts / 2, `the sync was over after ${made} cuts`);
    must(again <= 65_536, `${again.toFixed(0)} bytes were sent again for each cut`);
    const took = (performance.now() - startMs) / 1000;
    return [`${made} cuts in ${took.toFixed(0)} s, ${(again / 1024).toFixed(1)} KiB sent again for each`];
  },
};
