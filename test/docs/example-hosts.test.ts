import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { mounted } from '../../examples/mount.js';
import { syncMiddleware } from '../../src/server/express.js';
import { MemorySource } from '../helpers/memory-source.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';

test('the service goes in front of any listener of Node’s, which gets the rest as it came', async (t) => {
  const documents = sealedChain(3);
  const sync = syncMiddleware({ source: new MemorySource(documents) });
  t.teardown(() => sync.close());
  const origin = await listen(
    t,
    mounted('/sync', sync, (request, response) => response.end(`host: ${request.url ?? ''}`)),
  );
  const range = await fetch(`${origin}/sync/json?from=1&to=1`);
  t.is(await range.text(), `[${Buffer.from(documents[1] ?? []).toString()}]`);
  for (const path of ['/', '/sync', '/synchrony', '/sync/none?of=ours'])
    t.is(await (await fetch(origin + path)).text(), `host: ${path}`);
});

test('the template of a node passes its own test, with the package installed beside it', async (t) => {
  const dir = join(tempDir(t), 'my-node');
  cpSync(join(projectRoot, 'examples', 'node-app'), dir, { recursive: true });
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(projectRoot, join(dir, 'node_modules', 'blockferry'));
  for (const name of ['express', 'rxjs'])
    symlinkSync(join(projectRoot, 'node_modules', name), join(dir, 'node_modules', name));
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap'], {
    cwd: dir,
  });
  t.regex(stdout, /^# pass 1$/m);
  t.regex(stdout, /^# fail 0$/m);
});
