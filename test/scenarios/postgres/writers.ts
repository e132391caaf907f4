import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { createPostgresStore, postgresStorage } from '../../../plugins/storage-postgres/index.js';
import type { BlockRef, Storage } from '../../../src/contracts/index.js';
import { isSyncError } from '../../../src/errors/index.js';
import { fixtureBatch, fixtureFrames, refOf } from '../../../src/testing/fixture-frames.js';
import { startPostgres } from '../../helpers/postgres.js';
import { until } from '../../helpers/waiting.js';
import { spread } from './blocks.js';

const PROGRAM = fileURLToPath(new URL('../../helpers/postgres-writer-process.js', import.meta.url));
const ROUNDS = 5;
const LEASE_MS = 3_000;
/** On top of the lease. */
const BAR_MS = 1_000;

interface Told {
  readonly head?: BlockRef;
  readonly code?: string;
}

/** A writer is killed, or stopped for longer than its lease: another one takes over. */
export async function writers(bin: string): Promise<void> {
  const server = await startPostgres(bin);
  try {
    await createPostgresStore({ url: server.url });
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++)
        times.push(await overtaken(server.url, `${signal} ${round}`, signal));
      console.log(
        `writer ${signal === 'SIGKILL' ? 'killed' : 'stopped'}, ${ROUNDS} times, lease ${LEASE_MS} ms: first acknowledgement of the next one after ${spread(times)}; 0 acknowledged lost` +
          (signal === 'SIGSTOP' ? `; the old one got STORE_LOCKED at its next write each time` : ''),
      );
      if (Math.max(...times) > LEASE_MS + BAR_MS) throw new Error(`later than ${LEASE_MS + BAR_MS} ms`);
    }
  } finally {
    await server.stop();
  }
}

async function overtaken(url: string, store: string, signal: 'SIGKILL' | 'SIGSTOP'): Promise<number> {
  const child = fork(PROGRAM, [url, store, 'old', 'primary', String(LEASE_MS)]);
  const told: Told[] = [];
  child.on('message', (message: Told) => told.push(message));
  try {
    await until(() => told.length > 20);
    child.kill(signal);
    const startMs = performance.now();
    const next = postgresStorage({ url, store, durability: 'primary', leaseMs: LEASE_MS }).create();
    await openedSoon(next);
    const own = fixtureFrames(2, { on: next.checkpoint().head, branch: 'next' });
    await next.commit(fixtureBatch(own));
    const tookMs = performance.now() - startMs;
    const last = told.at(-1)?.head;
    if (last === undefined || (await next.header(last.height))?.hash !== last.hash)
      throw new Error('What the first writer had acknowledged is not there.');
    if (signal === 'SIGSTOP') await refused(child, told);
    const { head } = next.checkpoint();
    const newest = own.at(-1);
    if (newest === undefined || head?.hash !== refOf(newest).hash)
      throw new Error('The old writer has written.');
    await next.close();
    return tookMs;
  } finally {
    child.kill('SIGKILL');
  }
}

/** Tries until the lease of the other one is over. */
async function openedSoon(store: Storage): Promise<void> {
  for (;;)
    try {
      await store.open();
      return;
    } catch (error) {
      if (!isSyncError(error, 'STORE_LOCKED')) throw error;
      await delay(50);
    }
}

async function refused(child: ChildProcess, told: readonly Told[]): Promise<void> {
  child.kill('SIGCONT');
  await until(() => told.at(-1)?.code !== undefined);
  const code = told.at(-1)?.code;
  if (code !== 'STORE_LOCKED') throw new Error(`The old writer got ${String(code)}.`);
}
