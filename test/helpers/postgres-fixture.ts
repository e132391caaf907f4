import { postgresStorage, type PostgresStorageOptions } from '../../plugins/storage-postgres/index.js';
import type { Storage } from '../../src/contracts/index.js';
import type { SharedStores, StorageFixture } from '../../src/testing/compliance/storage.js';
import { cuttingProxy } from './cutting-proxy.js';
import { type PostgresSetup, setupName } from './postgres-setup.js';

/** A role that may do nothing but read what there is. */
export const ONLY_READS = `do $$ begin
    if not exists (select from pg_roles where rolname = 'only_reads') then create role only_reads login; end if;
    grant usage on schema blockferry to only_reads;
    grant select on all tables in schema blockferry to only_reads;
  end $$`;

/** Stores of one database, each with a name of its own. Readers of it are on a standby, where there is one. */
export function postgresFixture(setup: () => PostgresSetup, name = setupName()): StorageFixture {
  const opened = new WeakMap<Storage, string>();
  let count = 0;
  const at = (store: string, options: Partial<PostgresStorageOptions> = {}): Storage => {
    const { url, durability } = setup();
    const storage = postgresStorage({ url, store, durability, pool: 3, leaseMs: 1000, ...options }).create();
    opened.set(storage, store);
    return storage;
  };
  const nameOf = (storage: Storage): string => opened.get(storage) ?? '';
  return {
    create: () => Promise.resolve(at(`s${count++}`)),
    reopen: async (storage) => {
      await storage.close();
      return at(nameOf(storage));
    },
    keepsTiles: true,
    prunes: true,
    shared: {
      writer: (storage) => Promise.resolve(at(nameOf(storage))),
      reader: async (storage) => {
        await setup().query(ONLY_READS);
        return at(nameOf(storage), { role: 'reader', url: readerUrl(setup()) });
      },
      expire: async (storage) => {
        await setup().query(
          `update blockferry.store set lease_until = now() - interval '1 s' where name = '${nameOf(storage)}'`,
        );
      },
      cuttable: async () => {
        const proxy = await cuttingProxy(setup().port);
        const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
        return {
          storage: at(`s${count++}`, { url }),
          cut: (how, times) => {
            proxy.cut(how, times);
          },
          cuts: () => proxy.cuts(),
          end: () => proxy.close(),
        };
      },
      ...(name === 'one' ? {} : confirming(setup)),
    },
  };
}

/** Behind a pooler readers have that too. */
function readerUrl({ name, url, cluster }: PostgresSetup): string {
  const standby = name === 'standby' ? cluster.standbys[0]?.url : undefined;
  return (standby ?? url).replace('postgres@', 'only_reads@');
}

function confirming(setup: () => PostgresSetup): Pick<SharedStores, 'freeze'> {
  return {
    freeze: () => {
      const { standbys } = setup().cluster;
      for (const standby of standbys) standby.freeze();
      return Promise.resolve(() => {
        for (const standby of standbys) standby.thaw();
        return Promise.resolve();
      });
    },
  };
}
