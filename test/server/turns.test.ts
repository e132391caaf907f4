import { get } from 'node:http';
import test from 'ava';
import { placeInTurn } from '../../src/internal/turns.js';
import { createSyncServer, nodeListener, type SyncServer } from '../../src/server/index.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { turns, until } from '../helpers/waiting.js';

/** Takes all places of this turn of the event loop. @returns the newest that has to wait */
function fillTurn(): Promise<void> {
  for (;;) {
    const turn = placeInTurn();
    if (turn !== null) return turn;
  }
}

/** What a server is asked to answer, by path. */
function watched(server: SyncServer): { readonly server: SyncServer; readonly paths: string[] } {
  const paths: string[] = [];
  const { limits, openStreams } = server;
  const handle: SyncServer['handle'] = (request, options) => {
    paths.push(request.path);
    return server.handle(request, options);
  };
  const same = {
    serves: (path: string) => server.serves(path),
    status: () => server.status(),
    report: (error: unknown) => {
      server.report(error);
    },
    evicted: () => undefined,
    refuse: (...refused: Parameters<SyncServer['refuse']>) => server.refuse(...refused),
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
  return { server: { limits, openStreams, tally: server.tally, handle, ...same }, paths };
}

test('a request that has to wait for its turn is answered then, unless its client has gone meanwhile', async (t) => {
  const { server, paths } = watched(createSyncServer({ source: new MemorySource(sealedChain(10)) }));
  t.teardown(() => server.close());
  const handle = nodeListener(server);
  let came = 0;
  const origin = await listen(t, (request, response) => {
    came += 1;
    void fillTurn();
    handle(request, response);
    if (request.url === '/sync/json?from=0') request.socket.destroy();
  });
  const gone = get(`${origin}/sync/json?from=0`).on('error', () => undefined);
  t.teardown(() => gone.destroy());
  await until(() => came === 1);
  await turns(20);
  t.deepEqual(paths, []);
  const answer = await fetch(`${origin}/sync/status`);
  t.is(answer.status, 200);
  t.deepEqual(paths, ['/status']);
});
