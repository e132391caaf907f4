import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPostgresStore, postgresStorage } from '../../../plugins/storage-postgres/index.js';
import type { Storage } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { type PostgresServer, startPostgres } from '../../helpers/postgres.js';
import { ask } from '../../helpers/postgres-cluster.js';
import { postgresUser } from '../../helpers/postgres-programs.js';
import { type SmallDisk, smallDisk } from '../../helpers/storage-small-disk.js';
import { until } from '../../helpers/waiting.js';
import { Blocks, difference } from './blocks.js';

const MIB = 1024 * 1024;

/** The disk of the tables is full, or that of the whole server; then there is room again. */
export async function fullDisk(bin: string): Promise<void> {
  for (const which of ['tables', 'server'] as const) {
    const disk = smallDisk(256);
    if (disk === null) {
      console.log('disk full: skipped, no small file system can be mounted');
      return;
    }
    const filler = join(disk.path, 'filler');
    try {
      await (which === 'tables' ? fullTables(bin, disk, filler) : fullServer(bin, disk, filler));
    } finally {
      disk.remove();
    }
  }
}

async function fullTables(bin: string, disk: SmallDisk, filler: string): Promise<void> {
  const server = await startPostgres(bin);
  try {
    writeFileSync(filler, Buffer.alloc(220 * MIB));
    await ask(server, `create tablespace small location '${folderIn(disk)}'`);
    await ask(server, `alter role postgres set default_tablespace = 'small'`);
    await createPostgresStore({ url: server.url });
    const store = await opened(server, 60_000);
    const blocks = await filled(store);
    const code = isSyncError(blocks.error) ? blocks.error.code : String(blocks.error);
    const full = await difference(store, blocks.acknowledged);
    rmSync(filler);
    const own = new Blocks(store);
    await until(() => own.acknowledged.length > 20 || own.error !== null);
    await own.stop();
    const after = await difference(store, [...blocks.acknowledged, ...own.acknowledged]);
    await store.close();
    console.log(
      `disk of the tables full: ${code} after ${blocks.acknowledged.length} blocks, ${full.lost} lost, ${full.more} more; ` +
        `with room again the same writer goes on: ${own.acknowledged.length} more, ${after.lost} lost, ${after.changed} changed`,
    );
    const isWell = code === 'STORE_FULL' && own.error === null && full.more + after.more === 0;
    if (!isWell || full.lost + after.lost + after.changed > 0) throw new Error('not as it should be');
  } finally {
    await server.stop();
  }
}

async function fullServer(bin: string, disk: SmallDisk, filler: string): Promise<void> {
  const server = await startPostgres(bin, ['max_wal_size=64MB'], folderIn(disk));
  try {
    writeFileSync(filler, Buffer.alloc(120 * MIB));
    await createPostgresStore({ url: server.url });
    const store = await opened(server, 3_000);
    const blocks = await filled(store);
    const code = isSyncError(blocks.error) ? blocks.error.code : String(blocks.error);
    await store.close();
    rmSync(filler);
    server.kill();
    await server.restart();
    await ask(server, 'update blockferry.store set lease_until = null');
    await store.open();
    const { lost, changed, more } = await difference(store, blocks.acknowledged);
    await store.close();
    console.log(
      `disk of the server full: ${code} after ${blocks.acknowledged.length} blocks; with room again, opened again: ` +
        `${lost} lost, ${changed} changed, ${more} more (of the write whose outcome was not known)`,
    );
    if (lost + changed > 0 || more > 4) throw new Error('blocks were lost');
  } finally {
    await server.stop();
  }
}

async function opened(server: PostgresServer, outageMs: number): Promise<Storage> {
  const store = postgresStorage({
    url: server.url,
    durability: 'primary',
    outageMs,
    leaseMs: 2_000,
  }).create();
  await store.open();
  return store;
}

/** Blocks until there is no more room. */
async function filled(store: Storage): Promise<Blocks> {
  const blocks = new Blocks(store, 100_000);
  await until(() => blocks.error !== null);
  await blocks.stop();
  return blocks;
}

function folderIn({ path }: SmallDisk): string {
  const folder = join(path, 'space');
  mkdirSync(folder);
  const user = postgresUser();
  if (user !== null) chownSync(folder, user.uid, user.gid);
  return folder;
}
