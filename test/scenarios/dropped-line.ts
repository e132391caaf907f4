import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LineTo } from './line.js';
import { Producer } from './producer.js';
import { eventOf, Program } from './program.js';

const ROUNDS = 20;
const DOWN_MS = 2_000;
const BAR_MS = 2_500;

/** A line is down for two seconds while blocks are made: how long from its loss until the follower is at the head. */
export async function droppedLine(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'dropped-'));
  const producer = new Producer();
  const server = new Program([
    'serve',
    '--data',
    join(dir, 'a'),
    '--chain',
    'sealed-json',
    '--ingest',
    '-',
    '--port',
    '0',
  ]);
  let follower: Program | null = null;
  try {
    const line = await LineTo.to(Number(new URL(await server.url()).port));
    server.write(producer.lines(100));
    const program = new Program([
      'sync',
      '--peer',
      `http://127.0.0.1:${line.port}`,
      '--data',
      join(dir, 'b'),
      '--follow',
    ]);
    follower = program;
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await isAt(program, producer.hash);
      // Long enough for the connection to count as a good one.
      await delay(5_500);
      await line.cut();
      const cutMs = performance.now();
      server.write(producer.lines(10));
      setTimeout(() => void line.mend(), DOWN_MS);
      await isAt(program, producer.hash);
      times.push(performance.now() - cutMs);
    }
    times.sort((a, b) => a - b);
    const [min = 0, median = 0, max = 0] = [times[0], times[ROUNDS / 2], times[ROUNDS - 1]];
    console.log(
      `line down for ${DOWN_MS} ms, ${ROUNDS} times: at the head again after ${min.toFixed(0)} to ${max.toFixed(0)} ms, median ${median.toFixed(0)} ms`,
    );
    if (median >= BAR_MS) throw new Error(`the median is not below ${BAR_MS} ms`);
  } finally {
    await follower?.end();
    await server.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function isAt(program: Program, hash: string): Promise<void> {
  await program.find(
    (line) => eventOf(line) === 'checkpoint' && (line['head'] as { hash?: string } | null)?.hash === hash,
    Math.max(0, program.lines.length - 50),
  );
}
