// A client that asks for one document five times and tells how long its event loop stood still, and what memory it took.
import { snapshotTransport } from '../../plugins/transport-snapshot/client/index.js';
import { sseTransport } from '../../plugins/transport-sse/index.js';
import type { Peer } from '../../src/contracts/index.js';
import { DEFAULT_TRANSPORT_LIMITS } from '../../src/config/engine-plan.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { createHttp1Client } from '../../src/http1-client/index.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';

const RUNS = 5;
const [url = '', path = '', signers = ''] = process.argv.slice(2);
const peer: Peer = { url, headers: {} };
const limits = DEFAULT_TRANSPORT_LIMITS;
const http = createHttp1Client(limits);
const deps = { fetch: http.fetch, limits, workers: inThreadWorkers(codecRegistry([])) };
const { signal } = new AbortController();

/** What an engine does that trusts somebody else. */
function check(): Promise<void> {
  const refusal = new SyncError('SNAPSHOT_UNTRUSTED', 'Nobody who is trusted has signed it.');
  return signers === 'strangers' ? Promise.reject(refusal) : Promise.resolve();
}

async function ask(): Promise<void> {
  const sse = sseTransport().create(deps);
  if (path === '/status') await sse.status(peer, { signal });
  else if (path === '/stream') {
    const request = { peer, after: null, from: 0, to: null, acceptCodecs: ['identity'], follow: false };
    for await (const items of sse.open(request, { signal })) if (items.length === 0) break;
  } else {
    const want = { type: 'recent', codecs: ['gzip'] } as const;
    await snapshotTransport().create(deps).manifest(peer, want, { signal, check });
  }
}

/** The longest time between two turns of the event loop while a document is asked for. */
async function run(): Promise<{ readonly code: string | null; readonly stallMs: number }> {
  let last = performance.now();
  let stallMs = 0;
  let immediate = setImmediate(function look() {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last);
    last = now;
    immediate = setImmediate(look);
  });
  try {
    await ask();
    return { code: null, stallMs };
  } catch (error) {
    return {
      code: isSyncError(error) ? error.code : String(error),
      stallMs: Math.max(stallMs, performance.now() - last),
    };
  } finally {
    clearImmediate(immediate);
  }
}

const runs = [];
for (let count = 0; count < RUNS; count++) runs.push(await run());
await http.close();
const rss = process.resourceUsage().maxRSS * 1024;
const stallMs = Math.min(...runs.map((each) => each.stallMs));
console.log(JSON.stringify({ code: runs[0]?.code ?? null, stallMs, rss }));
