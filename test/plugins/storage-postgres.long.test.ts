import { createPostgresStore, postgresStorage } from '../../plugins/storage-postgres/index.js';
import { isSyncError } from '../../src/errors/index.js';
import { storageCompliance } from '../../src/testing/compliance/storage.js';
import { postgresFixture } from '../helpers/postgres-fixture.js';
import { postgresTest } from '../helpers/postgres-test.js';

const postgres = postgresTest();
const fixture = postgresFixture(postgres.server);

for (const each of storageCompliance(fixture))
  postgres.test(`postgres ${each.id}: ${each.title}`, async (t) => {
    await t.notThrowsAsync(each.run());
  });

postgres.test(
  `A server without a synchronous standby is refused where the store is to be replicated`,
  async (t) => {
    const error = await t.throwsAsync(() => postgresStorage({ url: postgres.server().url }).create().open());
    t.true(isSyncError(error, 'STORE_IO'));
    t.regex(String(error), /synchronous_standby_names/);
  },
  ['standby', 'pooler'],
);

postgres.test(
  `Many that make the tables at once, of servers whose first one is away, all find them made`,
  async (t) => {
    const url = postgres.server().url.replace('@', '@127.0.0.1:1,');
    const schema = 'made_at_once';
    await Promise.all(Array.from({ length: 8 }, () => createPostgresStore({ url, schema })));
    const store = postgresStorage({ url, schema, durability: 'primary' }).create();
    await store.open();
    t.is(store.checkpoint().head, null);
    await store.close();
  },
);
