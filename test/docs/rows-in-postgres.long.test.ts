import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { blocksOn, fork, serveChain, sourceChain } from '../engine/follow-support.js';
import { postgresTest } from '../helpers/postgres-test.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';

const postgres = postgresTest();

interface Row {
  readonly height: string;
  readonly hash: string;
  readonly author: string;
}

postgres.test(
  'a host that keeps rows and position in one transaction has each block once, however often it is killed',
  async (t) => {
    const authorOf = (height: number): object => ({ author: `author ${height % 7}` });
    const source = await sourceChain(t, 1);
    const { url } = await serveChain(t, source);
    const location = join(tempDir(t), 'node');
    const start = (): ReturnType<typeof spawn> => {
      const script = join(projectRoot, 'dist/examples/rows-in-postgres.js');
      const child = spawn(process.execPath, [script, url, location, postgres.server().url], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      t.teardown(() => child.kill('SIGKILL'));
      return child;
    };
    const rows = (): Promise<readonly Row[]> => postgres.query<Row>('select * from blocks order by height');
    const counted = async (): Promise<number> => {
      const found = await postgres.query<{ count: string }>('select count(*) from blocks').catch(() => []);
      return Number(found[0]?.count ?? 0);
    };
    for (let round = 0; round < 5; round++) {
      const child = start();
      await source.append(blocksOn(source.tip().head, 40, 'main', authorOf));
      await until(async () => (await counted()) > 40 * round + 5 * round);
      const dead = once(child, 'exit');
      child.kill('SIGKILL');
      await dead;
    }
    const last = start();
    // The host is told of what it has had and is gone.
    await until(async () => (await counted()) === 201);
    await fork(source, 150, 60, 'other', authorOf);
    const head = source.tip().head;
    await until(async () => (await rows()).at(-1)?.hash === head?.hash);
    last.kill('SIGKILL');
    const kept = await rows();
    t.is(kept.length, 211);
    for (const [height, row] of kept.entries()) {
      t.is(Number(row.height), height);
      t.is(row.hash, (await source.header(height))?.hash ?? '');
      if (height > 0) t.is(row.author, `author ${height % 7}`);
    }
  },
);
