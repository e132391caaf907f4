import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const index = JSON.stringify(new URL('../../src/workers/index.js', import.meta.url).href);
const oddCodec = JSON.stringify(new URL('./odd-codec.js', import.meta.url).href);

/** Runs a script in a process of its own, with `workers` in it, and returns what it wrote. */
async function script(options: string, body: string): Promise<string> {
  const code = `
    import { createCodecWorkers } from ${index};
    import { odd } from ${oddCodec};
    const workers = createCodecWorkers([odd()], ${options});
    const piece = () => workers.decode('odd', new Uint8Array(4), { maxOutputBytes: 10 });
    ${body}`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { timeout: 60_000 });
  return stdout.trim();
}

const threads = `process.report.getReport().workers.length`;

test('threads start at the first piece and are kept for the next', async (t) => {
  const out = await script(
    '{ threads: 2, idleMs: 600_000 }',
    `const counts = [${threads}];
     await Promise.all([piece(), piece(), piece()]);
     counts.push(${threads});
     await piece();
     counts.push(${threads});
     console.log(counts.join(' '));`,
  );
  t.is(out, '0 2 2');
});

test('threads end after idleMs, and the next piece starts one', async (t) => {
  const out = await script(
    '{ threads: 2, idleMs: 50 }',
    `await Promise.all([piece(), piece(), piece()]);
     while (${threads} > 0) await new Promise((resolve) => setTimeout(resolve, 20));
     await piece();
     console.log(${threads});`,
  );
  t.is(out, '1');
});

test('idle threads do not keep a process alive, and work does', async (t) => {
  const out = await script('{ idleMs: 600_000 }', `console.log((await piece()).length);`);
  t.is(out, '4');
});
