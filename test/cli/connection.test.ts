import { spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { headerFileHeaders, readSmallFile } from '../../src/cli/header-file.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { guarded } from '../helpers/guarded.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { Cli } from './cli.js';

test('a header and a file of headers are sent to the peers, and the file is read anew', async (t) => {
  const source = new MemorySource(sealedChain(3));
  const server = createSyncServer({ source });
  t.teardown(() => server.close());
  const guard = guarded(nodeListener(server, { path: '/sync' }));
  const url = await listen(t, guard.listener);
  const dir = tempDir(t);
  const file = join(dir, 'headers');
  writeFileSync(file, '# made by the issuer\nAuthorization: Bearer first\n');

  const status = await new Cli(t, ['status', '--peer', url, '--header', 'authorization: Bearer first'])
    .finished;
  t.is(status.code, 0, status.stderr);
  const refused = await new Cli(t, ['status', '--peer', url]).finished;
  t.is(refused.code, 1);
  t.regex(refused.stderr, /--header/);

  const args = ['sync', '--peer', url, '--data', join(dir, 'b'), '--follow', '--header-file', file];
  const follow = new Cli(t, [...args, '--json']);
  await until(() => guard.passed.includes('/sync/stream'));
  writeFileSync(file, 'authorization: Bearer second\n');
  guard.token = 'second';
  const before = guard.passed.length;
  await server.close();
  await until(() => guard.passed.length > before);
  t.is(guard.refused.length, 1, 'the one without a header');
  follow.kill('SIGTERM');
  const { code, stdout, stderr } = await follow.finished;
  t.is(code, 0, stderr);
  t.notRegex(stdout.toString() + stderr, /Bearer/);
});

test('the headers of one request come from one reading of their file', async (t) => {
  const dir = tempDir(t);
  const file = join(dir, 'headers');
  writeFileSync(file, 'x-one: 1\nx-two: 1\n');
  const headers = await headerFileHeaders(file);
  const ask = (): Promise<string[]> =>
    Promise.all(Object.values(headers).map(async (value) => (typeof value === 'string' ? value : value())));
  t.deepEqual(await ask(), ['1', '1']);
  // A pipe gives what is written to it once.
  rmSync(file);
  t.is(spawnSync('mkfifo', [file]).status, 0);
  for (const round of ['2', '3']) {
    const asked = ask();
    await writeFile(file, `x-one: ${round}\nx-two: ${round}\n`);
    t.deepEqual(await asked, [round, round]);
  }
});

test('a file that is larger than any of its kind is refused, and not read whole', async (t) => {
  const file = join(tempDir(t), 'large');
  writeFileSync(file, Buffer.alloc(1024 * 1024));
  t.is((await readSmallFile(file)).length, 1024 * 1024);
  appendFileSync(file, 'x');
  await t.throwsAsync(readSmallFile(file), { code: 'INPUT_UNREADABLE', message: /more than 1048576 bytes/ });
  await t.throwsAsync(readSmallFile('/dev/zero'), { code: 'INPUT_UNREADABLE', message: /more than/ });
});

test('a file of headers that has none, or is not there, is named by its path', async (t) => {
  const file = join(tempDir(t), 'headers');
  const run = (): Promise<string> =>
    new Cli(t, ['status', '--peer', 'http://127.0.0.1:1', '--header-file', file]).finished.then(
      ({ stderr }) => stderr,
    );
  t.true((await run()).includes(`${file} can't be read: ENOENT`));
  writeFileSync(file, 'authorization: Bearer x\ns3cret\n');
  const told = await run();
  t.true(told.includes(`Line 2 of ${file} is not NAME: VALUE.`), told);
  t.notRegex(told, /s3cret/);
});

test('credentials over plain HTTP to another machine are warned of', async (t) => {
  const args = ['status', '--peer', 'http://192.0.2.1', '--proxy', 'http://127.0.0.1:1'];
  const { stderr, stdout } = await new Cli(t, [...args, '--header', 'authorization: Bearer s3cret']).finished;
  t.regex(stderr + stdout.toString(), /authorization is sent to http:\/\/192\.0\.2\.1/);
  t.notRegex(stderr + stdout.toString(), /s3cret/);
});
