import test from 'ava';
import { createPostgresStore, postgresStorage } from '../../plugins/storage-postgres/index.js';
import type { Storage } from '../../src/contracts/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { storageCompliance } from '../../src/testing/compliance/storage.js';
import type { StorageFixture } from '../../src/testing/compliance/storage.js';
import { fixtureBatch, fixtureFrames } from '../../src/testing/fixture-frames.js';
import { type Postgres, postgresPrograms, startPostgres } from '../helpers/postgres.js';

const bin = postgresPrograms();
const when = bin === null ? test.skip : test.serial;
const reason = bin === null ? ' (skipped: PostgreSQL is not installed)' : '';
const names = new WeakMap<Storage, string>();
let server: Postgres | null = null;
let count = 0;

function at(store: string): Storage {
  const url = server?.url ?? '';
  const storage = postgresStorage({ url, store, durability: 'primary', pool: 3, leaseMs: 1000 }).create();
  names.set(storage, store);
  return storage;
}

const fixture: StorageFixture = {
  create: () => Promise.resolve(at(`s${count++}`)),
  reopen: async (storage) => {
    await storage.close();
    return at(names.get(storage) ?? '');
  },
  keepsTiles: true,
};

test.before(async () => {
  if (bin === null) return;
  server = await startPostgres(bin);
  await createPostgresStore({ url: server.url });
});
test.after.always(() => {
  server?.stop();
});

for (const each of storageCompliance(fixture))
  when(`postgres ${each.id}: ${each.title}${reason}`, async (t) => {
    await t.notThrowsAsync(each.run());
  });

when(`A second writer is STORE_LOCKED while the first one is heard of${reason}`, async (t) => {
  const first = at('two');
  await first.open();
  const error = await t.throwsAsync(() => at('two').open());
  t.true(isSyncError(error, 'STORE_LOCKED'));
  await first.commit(fixtureBatch(fixtureFrames(1)));
  await first.close();
  const second = at('two');
  await second.open();
  t.is(second.checkpoint().head?.height, 0);
  await second.close();
});

when(
  `A server without a synchronous standby is refused where the store is to be replicated${reason}`,
  async (t) => {
    const error = await t.throwsAsync(() =>
      postgresStorage({ url: server?.url ?? '' })
        .create()
        .open(),
    );
    t.true(isSyncError(error, 'STORE_IO'));
    t.regex(String(error), /synchronous_standby_names/);
  },
);

when(
  `Many that make the tables at once, of servers whose first one is away, all find them made${reason}`,
  async (t) => {
    const url = (server?.url ?? '').replace('@', '@127.0.0.1:1,');
    const schema = 'made_at_once';
    await Promise.all(Array.from({ length: 8 }, () => createPostgresStore({ url, schema })));
    const store = postgresStorage({ url, schema, durability: 'primary' }).create();
    await store.open();
    t.is(store.checkpoint().head, null);
    await store.close();
  },
);
