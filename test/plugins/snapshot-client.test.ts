import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { TransportLimits } from '../../src/contracts/index.js';
import type { ErrorCode, SyncError } from '../../src/errors/index.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { standsStill, until } from '../helpers/waiting.js';
import {
  blocksOf,
  client,
  codeOf,
  download,
  honest,
  makeSnapshot,
  plainBlocks,
  problem,
  serveSnapshots,
  stateOf,
  type RangeHandler,
  type TestSnapshot,
} from './snapshot-client-support.js';

const snapshot = makeSnapshot({ blocks: plainBlocks(100) });
const { manifest } = snapshot;

const wrongBytes: RangeHandler = ({ start, end }, response, bytes) => {
  const altered = Buffer.from(bytes);
  altered.writeUInt8(altered.readUInt8(end) ^ 1, end);
  honest({ id: '', start, end }, response, altered);
};

const head = (response: ServerResponse, range: string): ServerResponse =>
  response.writeHead(206, { 'content-range': range });

test('a snapshot comes whole and in order from several peers at once', async (t) => {
  const blocks = sealedChain(300);
  const accounts = [['a', '1'] as const, ['b', '{"x":[]}'] as const];
  for (const codec of ['gzip', 'identity'] as const) {
    const made = makeSnapshot({ blocks, accounts, codec, partBytes: 2000 });
    let open = 0;
    let most = 0;
    const slow: RangeHandler = async (asked, response, bytes) => {
      most = Math.max(most, ++open);
      await until(() => most === 3);
      open--;
      honest(asked, response, bytes);
    };
    const servers = [await serveSnapshots(t, [made], slow), await serveSnapshots(t, [made], slow)];
    const outcome = await download(
      made.manifest,
      servers.map(({ peer }) => peer),
      { client: client({ connections: 3 }, { progressTimeoutMs: 60_000 }) },
    );
    t.is(outcome.error, null);
    t.deepEqual(
      blocksOf(outcome.items),
      blocks.map((block) => Buffer.from(block)),
    );
    t.deepEqual(stateOf(outcome.items, 'accounts'), accounts as unknown as [string, string][]);
    t.deepEqual(outcome.items.at(-1), { kind: 'end', signer: '02ab', signature: 'cd' });
    t.is(most, 3);
    for (const { ranges } of servers) t.true(ranges.length > 0);
    const asked = servers
      .flatMap(({ ranges }) => ranges)
      .reduce((sum, { start, end }) => sum + end + 1 - start, 0);
    t.is(asked, made.manifest.size);
    t.true(servers.flatMap(({ ranges }) => ranges).length < made.manifest.parts.length);
  }
});

test('progress counts every part once', async (t) => {
  const server = await serveSnapshots(t, [snapshot]);
  const { progress } = await download(manifest, [server.peer]);
  t.deepEqual(
    progress.map(({ verifiedParts }) => verifiedParts),
    manifest.parts.map((_, index) => index + 1),
  );
  t.like(progress.at(-1), { verifiedBytes: manifest.size, totalBytes: manifest.size, keptBytes: 0 });
});

test('a peer that sent a false part is named and not asked again', async (t) => {
  const good = await serveSnapshots(t, [snapshot], async (asked, response, bytes) => {
    await pause(10);
    honest(asked, response, bytes);
  });
  const bad = await serveSnapshots(t, [snapshot], wrongBytes);
  const outcome = await download(manifest, [bad.peer, good.peer], { client: client({ connections: 2 }) });
  t.is(outcome.error, null);
  t.deepEqual(blocksOf(outcome.items), plainBlocks(100));
  t.is(bad.ranges.length, 1);
  t.deepEqual(
    outcome.failures.map(({ peer, error }) => [peer.url, codeOf(error)]),
    [[bad.peer.url, 'SNAPSHOT_CORRUPT']],
  );
});

/** What a download from one peer that misbehaves like this ends with. */
async function alone(
  t: ExecutionContext,
  handler: RangeHandler,
  of: TestSnapshot = snapshot,
  limits: Partial<TransportLimits> = {},
): Promise<SyncError> {
  const server = await serveSnapshots(t, [of], handler);
  const { error, items, failures } = await download(of.manifest, [server.peer], {
    client: client({}, limits),
  });
  t.false(items.some(({ kind }) => kind === 'end'));
  t.is(error?.context.peer, server.peer.url);
  t.true(failures.length > 0 && failures.length <= 6);
  if (error === null) throw new Error('It was taken.');
  return error;
}

test('a peer that breaks the protocol is not asked again', async (t) => {
  const size = manifest.size;
  const cases: [ErrorCode, RangeHandler][] = [
    ['SNAPSHOT_CORRUPT', wrongBytes],
    [
      'PROTOCOL_VIOLATION',
      ({ start, end }, r, b) =>
        head(r, `bytes ${start + 1}-${end}/${size}`).end(b.subarray(start + 1, end + 1)),
    ],
    [
      'PROTOCOL_VIOLATION',
      ({ start, end }, r, b) => head(r, `bytes ${start}-${end - 1}/${size}`).end(b.subarray(start, end)),
    ],
    [
      'PROTOCOL_VIOLATION',
      ({ start, end }, r, b) => head(r, `bytes ${start}-${end}/${size + 1}`).end(b.subarray(start, end + 1)),
    ],
    [
      'PROTOCOL_VIOLATION',
      ({ start, end }, r, b) => head(r, `bytes=${start}-${end}/${size}`).end(b.subarray(start, end + 1)),
    ],
    ['PROTOCOL_VIOLATION', ({ start, end }, r, b) => r.writeHead(206).end(b.subarray(start, end + 1))],
    ['SNAPSHOT_CORRUPT', (_asked, r, b) => r.end(Buffer.concat([Buffer.from('x'), b]))],
    [
      'PEER_REFUSED',
      (_asked, r) => {
        problem(r, 416, 'BAD_REQUEST');
      },
    ],
    ['PEER_UNAUTHORIZED', (_asked, r) => r.writeHead(401).end()],
    ['PEER_NOT_SYNC', (_asked, r) => r.writeHead(204).end()],
    ['REDIRECT_REFUSED', (_asked, r) => r.writeHead(307, { location: '/' }).end()],
  ];
  for (const [code, handler] of cases) {
    let requests = 0;
    const error = await alone(t, (asked, response, bytes) => {
      requests++;
      return handler(asked, response, bytes);
    });
    t.is(error.code, code, error.message);
    t.true(requests <= 4, `${requests} requests`);
  }
});

test('a peer that sends more than it was asked for breaks the protocol', async (t) => {
  const { code } = await alone(t, ({ start, end }, response, bytes) => {
    head(response, `bytes ${start}-${end}/${bytes.length}`).write(bytes.subarray(start, end + 1));
    response.end('x');
  });
  t.is(code, 'PROTOCOL_VIOLATION');
});

test('a peer in trouble is asked a few times and then left', async (t) => {
  const size = manifest.size;
  const short = { idleTimeoutMs: 100, firstByteTimeoutMs: 100, progressTimeoutMs: 100 };
  const cases: [ErrorCode, RangeHandler, Partial<TransportLimits>?][] = [
    [
      'STREAM_TRUNCATED',
      ({ start, end }, r, b) => head(r, `bytes ${start}-${end}/${size}`).end(b.subarray(start, start + 9)),
    ],
    ['PEER_UNREACHABLE', (_asked, r) => r.destroy()],
    ['PEER_TIMEOUT', () => undefined, short],
    [
      'PEER_TIMEOUT',
      ({ start, end }, r) => {
        head(r, `bytes ${start}-${end}/${size}`).flushHeaders();
      },
      short,
    ],
    [
      'PEER_BUSY',
      (_asked, r) => {
        problem(r, 503, 'SERVER_BUSY');
      },
    ],
  ];
  await Promise.all(
    cases.map(async ([code, handler, limits]) => {
      const error = await alone(t, handler, snapshot, limits);
      t.is(error.code, code, error.message);
    }),
  );
});

test('a download survives connections that break', async (t) => {
  let requests = 0;
  const server = await serveSnapshots(t, [snapshot], ({ start, end }, response, bytes) => {
    const broken = ++requests % 3 === 1;
    response.writeHead(206, {
      'content-range': `bytes ${start}-${end}/${bytes.length}`,
      'content-length': end + 1 - start,
    });
    if (!broken) response.end(bytes.subarray(start, end + 1));
    else response.write(bytes.subarray(start, Math.floor((start + end) / 2)), () => response.destroy());
  });
  const outcome = await download(manifest, [server.peer]);
  t.is(outcome.error, null);
  t.deepEqual(blocksOf(outcome.items), plainBlocks(100));
  t.true(outcome.failures.length > 0);
  for (const { error } of outcome.failures) t.is(codeOf(error), 'STREAM_TRUNCATED');
});

test('a peer that is silent, or not there, costs no more than its time while others answer', async (t) => {
  const good = await serveSnapshots(t, [snapshot]);
  const silent = await serveSnapshots(t, [snapshot], () => undefined);
  const nowhere = { url: 'http://127.0.0.1:9/sync', headers: {} };
  const outcome = await download(manifest, [silent.peer, nowhere, good.peer], {
    client: client({ backoffMs: 30_000 }, { firstByteTimeoutMs: 2_000 }),
  });
  t.is(outcome.error, null);
  t.deepEqual(blocksOf(outcome.items), plainBlocks(100));
  const failed = new Set(outcome.failures.map(({ peer }) => peer.url));
  t.true(failed.has(silent.peer.url) && failed.has(nowhere.url));
});

test('a peer that only drips is left for one that is faster, and parts count once', async (t) => {
  const good = await serveSnapshots(t, [snapshot]);
  let stop = false;
  t.teardown(() => (stop = true));
  const drips = await serveSnapshots(t, [snapshot], async ({ start, end }, response, bytes) => {
    head(response, `bytes ${start}-${end}/${bytes.length}`);
    for (let at = start; at <= end && !stop; at++) {
      response.write(bytes.subarray(at, at + 1));
      await pause(50);
    }
  });
  const outcome = await download(manifest, [drips.peer, good.peer], {
    client: client(
      { connections: 1, backoffMs: 30_000 },
      { idleTimeoutMs: 60_000, progressTimeoutMs: 2_500 },
    ),
    directory: tempDir(t),
  });
  t.is(outcome.error, null);
  t.deepEqual(blocksOf(outcome.items), plainBlocks(100));
  t.deepEqual(
    outcome.progress.map(({ verifiedParts }) => verifiedParts),
    manifest.parts.map((_, index) => index + 1),
  );
  t.true(drips.ranges.length > 0);
  for (const { peer, error } of outcome.failures) {
    t.is(peer.url, drips.peer.url);
    t.is(codeOf(error), 'PEER_TIMEOUT');
    t.regex(error.message, /another peer did/);
  }
  t.true(outcome.failures.length > 0);
});

test('a peer that no longer has the snapshot is left without blame, and when none has it that is said', async (t) => {
  const good = await serveSnapshots(t, [snapshot]);
  const gone = [await serveSnapshots(t, []), await serveSnapshots(t, [], honest)];
  const peers = gone.map(({ peer }) => peer);
  const mixed = await download(manifest, [...peers, good.peer]);
  t.is(mixed.error, null);
  t.deepEqual(mixed.failures, []);
  const none = await download(manifest, peers);
  t.is(none.error?.code, 'SNAPSHOT_GONE');
  t.deepEqual(none.failures, []);
  t.is((await download(manifest, [])).error?.code, 'SNAPSHOT_GONE');
});

test('the download goes on under its id when the server has a newer snapshot', async (t) => {
  const newer = makeSnapshot({ blocks: plainBlocks(120) });
  const server = await serveSnapshots(t, [snapshot]);
  const outcome = await download(manifest, [server.peer], {
    client: client({ connections: 1 }),
    onProgress: () => (server.snapshots = [newer, snapshot]),
  });
  t.is(outcome.error, null);
  t.deepEqual([...new Set(server.ranges.map(({ id }) => id))], [manifest.id]);
});

test('a server without ranges will do for a small snapshot', async (t) => {
  const server = await serveSnapshots(t, [snapshot], (_asked, response, bytes) => response.end(bytes));
  const outcome = await download(manifest, [server.peer]);
  t.is(outcome.error, null);
  t.deepEqual(blocksOf(outcome.items), plainBlocks(100));
});

test('parts that have their hash but do not decode as they should blame the manifest, not the peer', async (t) => {
  const [first, ...rest] = manifest.parts;
  if (first === undefined) throw new Error('No parts.');
  const plain = { ...manifest, codec: 'identity' };
  for (const [wrong, message] of [
    [{ ...manifest, parts: [{ ...first, rawLength: first.rawLength - 1 }, ...rest] }, /does not decode/],
    [
      { ...manifest, parts: [{ ...first, rawLength: first.rawLength + 1 }, ...rest] },
      /decodes to 1000 bytes/,
    ],
    [
      {
        ...plain,
        codec: 'gzip',
        parts: [{ ...first, length: first.length - 1, sha256: manifest.root }, ...rest],
      },
      null,
    ],
    [plain, /does not decode|decodes to/],
  ] as const) {
    const server = await serveSnapshots(t, [snapshot]);
    const { error, failures } = await download(wrong, [server.peer]);
    t.is(error?.code, 'SNAPSHOT_CORRUPT');
    if (message === null) continue;
    t.regex(error?.message ?? '', message);
    t.deepEqual(failures, []);
  }
  const server = await serveSnapshots(t, [snapshot]);
  const { error } = await download({ ...manifest, codec: 'bzip2' }, [server.peer]);
  t.is(error?.code, 'CODEC_UNAVAILABLE');
});

test('parts that agree with the manifest do not save a document that does not', async (t) => {
  const changes: [RegExp, (text: string) => string][] = [
    [/its height is 3, the manifest says 4/, (text) => text.replace('"height":4', '"height":3')],
    [/first members/, (text) => text.replace('"base":0', '"base":0,"more":0')],
    [/the hash/, (text) => text.replace('xxx', 'xyx')],
    [/last members/, (text) => text.replace('"signer":"02ab"', '"signer":null')],
    [/something follows/, (text) => `${text} `],
  ];
  for (const [message, change] of changes) {
    const alter = (document: Buffer): Buffer => Buffer.from(change(document.toString()));
    const made = makeSnapshot({ alter });
    const server = await serveSnapshots(t, [made]);
    const { error, failures } = await download(made.manifest, [server.peer]);
    t.is(error?.code, 'SNAPSHOT_CORRUPT');
    t.regex(error?.message ?? '', message);
    t.deepEqual(failures, []);
  }
});

const large = makeSnapshot({ blocks: plainBlocks(400, 100_000), codec: 'identity', partBytes: 500_000 });

test('no more than 2 MiB are fetched ahead of a reader that stands still', async (t) => {
  const server = await serveSnapshots(t, [large]);
  const asked = (): number => server.ranges.reduce((sum, { start, end }) => sum + end + 1 - start, 0);
  let checked = false;
  const { error } = await download(large.manifest, [server.peer], {
    onItem: async () => {
      if (checked) return;
      checked = true;
      await until(() => asked() > 1_700_000);
      const bytes = await standsStill(asked);
      t.true(bytes <= 3 * 1024 * 1024, `${bytes} bytes`);
    },
  });
  t.is(error, null);
  t.true(checked);
  t.is(asked(), large.manifest.size);
});

test('a server without ranges is refused for a large snapshot', async (t) => {
  const error = await alone(t, (_asked, response, bytes) => response.end(bytes), large);
  t.is(error.code, 'PEER_REFUSED');
});

test('a download that is called off ends at once and leaves no request open', async (t) => {
  let open = 0;
  const server = await serveSnapshots(t, [snapshot], ({ start, end }, response, bytes) => {
    open++;
    response.on('close', () => open--);
    head(response, `bytes ${start}-${end}/${bytes.length}`).write(bytes.subarray(start, start + 10));
  });
  const controller = new AbortController();
  const running = download(manifest, [server.peer], { signal: controller.signal });
  await until(() => open === 4);
  controller.abort();
  t.is((await running).error?.code, 'ABORTED');
  await until(() => open === 0);
  const late = await download(manifest, [server.peer], { signal: controller.signal });
  t.is(late.error?.code, 'ABORTED');
  t.is(server.ranges.length, 4);
});

test('a reader that stops early leaves no request open', async (t) => {
  let open = 0;
  const server = await serveSnapshots(t, [large], async (asked, response, bytes) => {
    open++;
    response.on('close', () => open--);
    if (asked.start < 2_000_000) honest(asked, response, bytes);
    else head(response, `bytes ${asked.start}-${asked.end}/${bytes.length}`).flushHeaders();
    await pause(0);
  });
  const request = {
    manifest: large.manifest,
    peers: [server.peer],
    directory: null,
    maxBlockBytes: 1e6,
    onProgress: () => undefined,
    onPeerFailure: () => undefined,
  };
  for await (const item of client().open(request, { signal: new AbortController().signal })) {
    t.is(item.kind, 'blocks');
    break;
  }
  await until(() => open === 0);
  t.true(server.ranges.length >= 2);
});

test('a peer whose address is none is a mistake of the caller', async (t) => {
  await t.throwsAsync(download(manifest, [{ url: 'nowhere', headers: {} }]), { instanceOf: TypeError });
});
