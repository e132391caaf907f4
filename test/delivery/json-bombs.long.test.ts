import test from 'ava';
import { snapshotTransport } from '../../plugins/transport-snapshot/client/index.js';
import { sseTransport } from '../../plugins/transport-sse/index.js';
import type { Peer, TransportDeps } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { inThreadWorkers } from '../../src/workers/in-thread.js';
import { codecRegistry } from '../../src/di/codec-registry.js';
import { askedFor as ask, SLACK_BYTES } from '../helpers/bomb-server.js';
import { BOMBS, largeManifest, MANIFEST, STATUS, withBomb } from '../helpers/json-bombs.js';
import { codeOf } from '../plugins/snapshot-client-support.js';

const MIB = 1024 * 1024;
const BOMB_BYTES = 8 * MIB;
const { signal } = new AbortController();

const askStatus = async (deps: TransportDeps, peer: Peer): Promise<void> => {
  await sseTransport().create(deps).status(peer, { signal });
};

const askManifest = async (deps: TransportDeps, peer: Peer, check?: () => Promise<void>): Promise<void> => {
  const workers = inThreadWorkers(codecRegistry([]));
  const want = { type: 'recent', codecs: ['gzip'] } as const;
  const transport = snapshotTransport().create({ ...deps, workers });
  await transport.manifest(peer, want, check === undefined ? { signal } : { signal, check });
};

for (const [name, bomb] of Object.entries(BOMBS)) {
  test.serial(`${name} in a status document are refused before values are made of them`, async (t) => {
    const large = await ask(t, { body: withBomb(STATUS, 'note', bomb(BOMB_BYTES)) }, askStatus);
    t.is(codeOf(large.error), 'PEER_NOT_SYNC');
    t.true(large.taken <= MIB + SLACK_BYTES, `${large.taken} bytes`);
    const small = await ask(t, { body: withBomb(STATUS, 'note', bomb(1000 * 1000)) }, askStatus);
    t.is(codeOf(small.error), /^(?:a long|escapes|white)/.test(name) ? null : 'PEER_NOT_SYNC');
  });

  test.serial(`${name} in a problem document say nothing`, async (t) => {
    const body = withBomb({ code: 'RANGE_TOO_LARGE', detail: 'seen' }, 'note', bomb(BOMB_BYTES));
    const { error, taken } = await ask(t, { status: 400, type: 'application/problem+json', body }, askStatus);
    t.is(codeOf(error), 'PEER_REFUSED');
    t.false((error as Error).message.includes('seen'));
    t.true(taken <= 64 * 1024 + SLACK_BYTES, `${taken} bytes`);
  });

  for (const member of ['note', 'parts', 'signatures'])
    test.serial(`${name} as the ${member} of a manifest are refused as soon as they are met`, async (t) => {
      const body = withBomb({ ...MANIFEST, parts: [] }, member, bomb(BOMB_BYTES));
      const { error, taken } = await ask(t, { body }, askManifest);
      t.is(codeOf(error), 'SNAPSHOT_CORRUPT');
      const most = name === 'white space' ? BOMB_BYTES + 1000 : 64 * 1024;
      t.true(taken <= most + SLACK_BYTES, `${taken} bytes`);
    });
}

test.serial('a manifest with more parts than are allowed is refused at the first one too many', async (t) => {
  const { error, taken } = await ask(t, { body: largeManifest(130_000) }, askManifest);
  t.is(codeOf(error), 'SNAPSHOT_CORRUPT');
  t.regex((error as Error).message, /more than 100000 parts/);
  t.true(taken <= 100_000 * 130);
});

test.serial(
  'while a manifest is read others have their turns, and its parts are hashed for those who have signed',
  async (t) => {
    const count = 100_000;
    const body = largeManifest(count);
    let turns = 0;
    let immediate = setImmediate(function count() {
      turns++;
      immediate = setImmediate(count);
    });
    t.teardown(() => {
      clearImmediate(immediate);
    });
    let before = 0;
    const untrusted = await ask(t, { body }, (deps, peer) =>
      askManifest(deps, peer, () => {
        before = turns;
        return Promise.reject(new SyncError('SNAPSHOT_UNTRUSTED', 'Nobody has signed it.'));
      }),
    );
    const refusedAt = turns;
    t.is(codeOf(untrusted.error), 'SNAPSHOT_UNTRUSTED');
    t.true(before >= body.length / (256 * 1024), `${before} turns`);
    let trustedAt = 0;
    const trusted = await ask(t, { body }, (deps, peer) =>
      askManifest(deps, peer, () => {
        trustedAt = turns;
        return Promise.resolve();
      }),
    );
    t.is(trusted.error, null);
    // Root and parts, a thousand of them a turn.
    t.true(turns - trustedAt >= (2 * count) / 1000 - 2, `${turns - trustedAt} turns`);
    t.true(refusedAt - before < count / 1000, `${refusedAt - before} turns`);
  },
);
