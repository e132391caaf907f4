import { readdirSync } from 'node:fs';
import test from 'ava';
import { tempDir } from '../helpers/temp-dir.js';
import { Cli, jsonLines } from './cli.js';

test('the demonstration shows a crash and a resume, ends well, and leaves nothing behind', async (t) => {
  const dir = tempDir(t);
  const cli = new Cli(t, ['demo', '--json'], { TMPDIR: dir });
  const { code, stdout, stderr } = await cli.finished;
  t.is(code, 0, stderr);
  const done = jsonLines(stdout).at(-1);
  t.like(done, { event: 'done', ok: true });
  t.true((done?.['killedAt'] as number) > 0 && (done?.['resumedBlocks'] as number) > 0);
  t.is((done?.['killedAt'] as number) + 1 + (done?.['resumedBlocks'] as number), done?.['blocks'] as number);
  t.like(done?.['state'], { accounts: 8, contracts: done?.['blocks'] });
  t.deepEqual(readdirSync(dir), []);
});

test('Ctrl-C in the middle of the demonstration leaves nothing behind', async (t) => {
  const dir = tempDir(t);
  const cli = new Cli(t, ['demo', '--json'], { TMPDIR: dir });
  await cli.waitFor(({ event, step }) => event === 'step' && step === 'sync');
  cli.kill('SIGINT');
  const { code, stdout } = await cli.finished;
  t.is(code, 130);
  t.like(jsonLines(stdout).at(-1), { event: 'done', ok: false, exitCode: 130 });
  t.deepEqual(readdirSync(dir), []);
});
