// A client that asks a peer for one thing five times and tells how long its event loop stood still, and what memory it took.
import { jsonRangeTransport } from '../../../plugins/transport-json-range/client/index.js';
import { snapshotTransport } from '../../../plugins/transport-snapshot/client/index.js';
import { sseTransport } from '../../../plugins/transport-sse/index.js';
import { DEFAULT_TRANSPORT_LIMITS } from '../../../src/config/limits.js';
import type { Frame, Peer, StreamRequest, Transport, TransportLimits } from '../../../src/contracts/index.js';
import { codecRegistry } from '../../../src/di/codec-registry.js';
import * as codecs from '../../../src/di/codecs.js';
import { isSyncError, SyncError } from '../../../src/errors/index.js';
import { createHttp1Client } from '../../../src/http1-client/index.js';
import { http2Fetch } from '../../../src/http2-client/index.js';
import { openChain } from '../../../src/index.js';
import { inThreadWorkers } from '../../../src/workers/in-thread.js';
import type { Asked } from './answers.js';
import type { Seen } from './rows.js';
import { best, peakBytes, type Stall, StallWatch } from './stall.js';

const RUNS = 5;
/** A wait for what never comes ends after so long. */
const WAIT_MS = 2_000;
const MAX_BLOCK_BYTES = 64 * 1024 * 1024;

const [url = '', asked = '', codec = 'identity'] = process.argv.slice(2);
const peer: Peer = { url, headers: {} };
const limits: TransportLimits = {
  ...DEFAULT_TRANSPORT_LIMITS,
  firstByteTimeoutMs: WAIT_MS,
  progressTimeoutMs: 2 * WAIT_MS,
};
const fetch = asked === 'status by HTTP/2' ? http2Fetch() : createHttp1Client(limits).fetch;
const registry = codecRegistry([codecs.gzip(), codecs.identity(), codecs.bzip2()]);
const deps = { fetch, limits, workers: inThreadWorkers(registry) };
const { signal } = new AbortController();

/** What an engine does that trusts somebody else. */
function refuse(): Promise<void> {
  return Promise.reject(new SyncError('SNAPSHOT_UNTRUSTED', 'Nobody who is trusted has signed it.'));
}

/** Takes blocks as an engine does: verified one by one, and committed as they come. */
async function blocks(transport: Transport, follow: boolean): Promise<void> {
  const chain = await openChain({ storage: { use: 'memory' }, chain: 'sealed-json', codecs: registry.ids });
  try {
    const verifier = chain.verifier();
    const request: StreamRequest = {
      ...{ peer, after: null, from: 0, to: null, acceptCodecs: [codec], follow },
      describe: (bytes, name) => chain.describe(bytes, name),
    };
    for await (const items of transport.open(request, { signal })) {
      const frames: Frame[] = [];
      for (const item of items) {
        const frame = item.kind === 'frame' ? verifier.wireFrame(item) : null;
        if (frame !== null) frames.push(frame);
      }
      if (frames.length > 0) await chain.commit(frames);
    }
  } finally {
    await chain.close();
  }
}

async function manifest(check = () => Promise.resolve()): Promise<ReturnType<typeof snapshots.manifest>> {
  return snapshots.manifest(peer, { type: 'recent', codecs: ['gzip'] }, { signal, check });
}

async function parts(): Promise<void> {
  const found = await manifest();
  if (found === null) throw new Error('no manifest');
  const request = {
    ...{ manifest: found, peers: [peer], directory: null, maxBlockBytes: MAX_BLOCK_BYTES },
    onProgress: () => undefined,
    onPeerFailure: () => undefined,
  };
  for await (const item of snapshots.open(request, { signal })) if (item.kind === 'end') break;
}

const sse = sseTransport().create(deps);
const snapshots = snapshotTransport({ backoffMs: 20 }).create(deps);

const ASK: Readonly<Record<Asked, () => Promise<unknown>>> = {
  status: () => sse.status(peer, { signal }),
  'status by HTTP/2': () => sse.status(peer, { signal }),
  stream: () => blocks(sse, false),
  follow: () => blocks(sse, true),
  ranges: () => blocks(jsonRangeTransport().create(deps), false),
  manifest: () => manifest(),
  'manifest of strangers': () => manifest(refuse),
  parts,
};

const watch = new StallWatch();

async function run(): Promise<{ readonly outcome: string; readonly stall: Stall }> {
  watch.begin();
  const outcome = await ASK[asked as Asked]().then(
    () => 'taken',
    (error: unknown) => (isSyncError(error) ? error.code : String(error)),
  );
  return { outcome, stall: await watch.longest() };
}

const runs = [];
for (let count = 0; count < RUNS; count++) runs.push(await run());
const stall = best(runs.map((each) => each.stall));
const seen: Seen = { outcome: runs[0]?.outcome ?? '', stall, peakBytes: peakBytes() };
process.stdout.write(JSON.stringify(seen), () => process.exit());
