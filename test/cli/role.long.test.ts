import { postgresTest } from '../helpers/postgres-test.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { tempDir } from '../helpers/temp-dir.js';
import { Cli, serve } from './cli.js';
import { run } from './in-process.js';
import { makeStore } from './stores.js';

const postgres = postgresTest();
const chain = sealedChain(60);

const at = (store: string): string =>
  `${postgres.server().url}?store=${store}&durability=primary&leaseMs=1000`;

postgres.test(
  'Of two servers that stand by and follow a peer one writes; when it is killed the other one serves on and writes',
  async (t) => {
    const data = `${tempDir(t)}/a`;
    await makeStore(data, chain.slice(0, 30));
    const { cli: source, url: peer } = await serve(t, data, '--ingest', '-');
    const start = (): Cli =>
      new Cli(t, [
        ...['serve', '--store', at('relayed'), '--role', 'auto', '--peer', peer, '--chain', 'sealed-json'],
        ...['--port', '0', '--json'],
      ]);
    const first = start();
    await first.waitFor(({ event, role }) => event === 'role' && role === 'writer');
    await first.waitFor(({ event, phase }) => event === 'phase' && phase === 'synced');
    const second = start();
    const { url } = await second.waitFor(({ event }) => event === 'listening');
    await second.waitFor(({ event, role }) => event === 'role' && role === 'reader');
    await second.waitFor(({ event, phase }) => event === 'phase' && phase === 'standby');
    t.is((await fetch(`${String(url)}/sync/ready`)).status, 200);
    first.kill('SIGKILL');
    await first.finished;
    source.stdin.write(ndjson(chain.slice(30)));
    await second.waitFor(({ event, role }) => event === 'role' && role === 'writer');
    await second.waitFor(
      ({ event, head }) => event === 'checkpoint' && (head as { height: number } | null)?.height === 59,
    );
    const status = (await (await fetch(`${String(url)}/sync/status`)).json()) as { head: { height: number } };
    t.is(status.head.height, 59);
    second.kill('SIGTERM');
    t.is((await second.finished).code, 0);
  },
);

postgres.test(
  'A server that stands by takes its input when it is its turn, and none before; a role that says nothing is wrong usage',
  async (t) => {
    const start = (): Cli =>
      new Cli(t, ['serve', '--store', at('fed'), '--role', 'auto', '--ingest', '-', '--port', '0', '--json']);
    const first = start();
    await first.waitFor(({ event, role }) => event === 'role' && role === 'writer');
    first.stdin.write(ndjson(chain.slice(0, 20)));
    await first.waitFor(
      ({ event, head }) => event === 'checkpoint' && (head as { height: number } | null)?.height === 19,
    );
    const second = start();
    await second.waitFor(({ event, role }) => event === 'role' && role === 'reader');
    second.stdin.write(ndjson(chain.slice(20, 40)));
    first.kill('SIGTERM');
    t.is((await first.finished).code, 0);
    await second.waitFor(
      ({ event, head }) => event === 'checkpoint' && (head as { height: number } | null)?.height === 39,
    );
    second.kill('SIGTERM');
    t.is((await second.finished).code, 0);
    for (const args of [
      ['--role', 'auto'],
      ['--role', 'writer'],
      ['--role', 'reader', '--ingest', '-'],
    ])
      t.is((await run(['serve', '--store', at('fed'), ...args])).code, 2);
    t.is((await run(['serve', '--data', 'x', '--role', 'auto', '--ingest', '-'])).code, 2);
    const secret = `${at('fed')}&listenUrl=${encodeURIComponent('postgres://u:hidden@h/d')}`;
    const refused = await run(['serve', '--store', secret]);
    t.is(refused.code, 2);
    t.notRegex(refused.stderr, /hidden/);
  },
);
