import type { IncomingMessage, ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { createSyncEngine, type SyncEngineConfig, type SyncPhase } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { blockEvent, completeEvent, listen } from '../helpers/servers.js';
import { blocksOn, sourceChain } from './follow-support.js';

const memory = { use: 'memory' } as const;
const NO_HEAD = { height: null, hash: null };
const retry = { maxAttempts: 3, baseDelayMs: 1 };
const BLOCKS = 20;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const nothing: Answer = (_request, response) => response.writeHead(204).end();
const emptyArray: Answer = (_request, response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
const endsBelow =
  (data: object): Answer =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(completeEvent(data));

/** One block of the twenty, and its word that this is all. */
const firstBlock: Answer = (_request, response) => {
  const [document = new Uint8Array()] = blocksOn(null, 1, 'first');
  const { hash } = JSON.parse(Buffer.from(document).toString()) as { readonly hash: string };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(blockEvent(0, document) + completeEvent({ height: 0, hash }));
};

/** A server whose status names a head, and that answers requests for blocks with something else. */
async function claimer(t: ExecutionContext, answer: Answer): Promise<string> {
  const server = createSyncServer({ source: await sourceChain(t, BLOCKS) });
  t.teardown(() => server.close());
  const handle = nodeListener(server, { path: '/sync' });
  const origin = await listen(t, (request, response) => {
    if (request.url?.startsWith('/sync/status') === true) handle(request, response);
    else answer(request, response);
  });
  return `${origin}/sync`;
}

/** Runs an engine to its failure. @returns the phases it was in */
async function phasesToFailure(t: ExecutionContext, config: SyncEngineConfig): Promise<readonly SyncPhase[]> {
  // Blocks come as gzip in the answers above.
  const engine = createSyncEngine({ codecs: ['gzip'], ...config });
  t.teardown(() => engine.close());
  const phases: SyncPhase[] = [];
  engine.states.subscribe(({ phase }) => phases.push(phase));
  await t.throwsAsync(engine.start(), { code: 'HEAD_UNPROVED' });
  return phases;
}

const unmet: Readonly<Record<string, Pick<SyncEngineConfig, 'mode'> & { readonly answer: Answer }>> = {
  '204 to a stream': { mode: 'stream', answer: nothing },
  '204 or an empty array, by turns': {
    mode: 'auto',
    answer: (request, response) => {
      (request.url?.includes('/json') === true ? emptyArray : nothing)(request, response);
    },
  },
  'a stream that names no head': { mode: 'stream', answer: endsBelow(NO_HEAD) },
  'a stream that ends below the head, and says so': { mode: 'stream', answer: firstBlock },
  'an empty array': { mode: 'json', answer: emptyArray },
};
for (const [name, { mode = 'auto', answer }] of Object.entries(unmet)) {
  for (const peers of [1, 2]) {
    test(`${name} is no success where the status names a head, with ${peers} of such peers`, async (t) => {
      const urls = await Promise.all(Array.from({ length: peers }, () => claimer(t, answer)));
      const phases = await phasesToFailure(t, {
        peers: urls,
        storage: memory,
        mode,
        retry: { ...retry, maxAttempts: peers },
      });
      t.false(phases.includes('synced'), phases.join());
    });
  }
}

test('an unmet claim ends a sync by the number of failures, not by time', async (t) => {
  const url = await claimer(t, firstBlock);
  const phases = await phasesToFailure(t, {
    peers: [url],
    storage: memory,
    mode: 'stream',
    retry: { baseDelayMs: 1, giveUpAfterMs: 3_600_000 },
  });
  t.is(phases.at(-1), 'failed');
});

test('a follower is not synced while its only peer does not send what it claims', async (t) => {
  for (const answer of [nothing, endsBelow(NO_HEAD), firstBlock]) {
    const url = await claimer(t, answer);
    const phases = await phasesToFailure(t, {
      peers: [url],
      storage: memory,
      follow: true,
      mode: 'stream',
      retry,
    });
    t.false(phases.includes('synced'), phases.join());
  }
});

test('an empty chain of which the status says so is synced with nothing', async (t) => {
  const server = createSyncServer({ source: await sourceChain(t, 0) });
  t.teardown(() => server.close());
  const origin = await listen(t, nodeListener(server, { path: '/sync' }));
  const engine = createSyncEngine({ peers: [`${origin}/sync`], storage: memory });
  t.teardown(() => engine.close());
  await engine.start();
  t.is(engine.state.phase, 'synced');
});
