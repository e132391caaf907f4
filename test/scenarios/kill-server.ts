import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LineTo } from './line.js';
import { Producer } from './producer.js';
import { eventOf, Program, run } from './program.js';

const BLOCKS = 10_000;
const KILL_EVERY_MS = 2_000;
const BYTES_PER_SECOND = 1_500_000;

/** The server is killed every two seconds while a node syncs over a slow line. */
export async function killServer(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'kills-'));
  const file = join(dir, 'blocks.ndjson');
  writeFileSync(file, new Producer('blocks', 2_000).lines(BLOCKS));
  await run(['import', file, '--data', join(dir, 'a')]);
  const serve = (port: string): Program => new Program(['serve', '--data', join(dir, 'a'), '--port', port]);
  let server = serve('0');
  const { port } = new URL(await server.url());
  const line = await LineTo.to(Number(port), BYTES_PER_SECOND);
  const sync = new Program([
    'sync',
    '--peer',
    `http://127.0.0.1:${line.port}`,
    '--data',
    join(dir, 'b'),
    '--follow',
  ]);
  try {
    let kills = 0;
    const done = sync.find((each) => (each['head'] as { height?: number } | null)?.height === BLOCKS - 1);
    for (;;) {
      if (await Promise.race<boolean>([done.then(() => true), delay(KILL_EVERY_MS, false)])) break;
      await server.end('SIGKILL');
      kills += 1;
      server = serve(port);
      await server.url();
    }
    await sync.end();
    const retries = sync.lines.filter((each) => eventOf(each) === 'retry').length;
    const blocks = sync.lines.at(-1)?.['blocks'];
    console.log(
      `${BLOCKS} blocks, server killed ${kills} times: complete; ${retries} reconnects, ${String(blocks)} blocks stored`,
    );
    await run(['export', join(dir, 'out'), '--data', join(dir, 'b')]);
    if (!readFileSync(join(dir, 'out')).equals(readFileSync(file))) throw new Error('the export differs');
    if (kills < 3 || blocks !== BLOCKS) throw new Error('too few kills, or blocks stored twice');
  } finally {
    await sync.end();
    await server.end();
    await line.cut();
    rmSync(dir, { recursive: true, force: true });
  }
}
