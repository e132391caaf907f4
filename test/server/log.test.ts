import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createSyncEngine, type Logger } from '../../src/index.js';
import { createSyncServer, nodeListener, type ServerEvent } from '../../src/server/index.js';
import { Cli, serve as serveCommand } from '../cli/cli.js';
import { MemorySource } from '../helpers/memory-source.js';
import { ndjson, sealedChain } from '../helpers/sealed-chain.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines. */
function kept(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push({ level, message, fields: { ...fields } });
    };
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

/** Sends a request as it is written, byte for byte, and waits for the end of its answer. */
async function raw(origin: string, line: string): Promise<void> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.write(Buffer.from(`${line}\r\nhost: a\r\nconnection: close\r\n\r\n`, 'latin1'));
  await once(socket.resume(), 'close');
}

test('a logger that throws ends no answer and keeps no place', async (t) => {
  const broken = (): never => {
    throw new Error('The disk of the log is full.');
  };
  const logger = { debug: broken, info: broken, warn: broken, error: broken };
  const told: unknown[] = [];
  const onError = (error: unknown): void => void told.push(error);
  const server = createSyncServer({ source: new MemorySource(documents), logger, onError });
  t.teardown(() => server.close());
  const origin = await listen(t, nodeListener(server));
  for (let count = 0; count < 3; count++) {
    const answer = await fetch(`${origin}/sync/stream`);
    t.regex(await answer.text(), /\nevent: complete\n/);
    t.is((await fetch(`${origin}/sync/stream?from_height=x`)).status, 400);
  }
  await until(() => server.openStreams === 0);
  t.true(told.length >= 9);
});

const documents = sealedChain(5, (height) => ({ secret: `patient-${height}` }));

async function served(t: ExecutionContext, source: MemorySource, logger: Logger | null): Promise<string> {
  const server = createSyncServer({ source, logger });
  t.teardown(() => server.close());
  return listen(t, nodeListener(server));
}

test('a server writes a line for each stream, refusal and failure, with nothing of a block in it', async (t) => {
  const source = new MemorySource(documents);
  const { lines, logger } = kept();
  const url = await served(t, source, logger);
  await (
    await fetch(
      `${url}/sync/stream?from_height=1&to_height=3&follow=true&client=my-secret-name-of-32-characters-`,
    )
  ).text();
  await until(() => lines.some(({ message }) => message === 'stream ended'));
  await (await fetch(`${url}/sync/json?from=x`)).text();
  source.failAt = 0;
  await (await fetch(`${url}/sync/json?from=0`)).text().catch(() => undefined);
  await until(() => lines.some(({ level }) => level === 'error'));

  const [opened, ended, refused] = lines;
  t.like(opened, { level: 'info', message: 'stream opened', fields: { way: 'stream', from: '1', to: '3' } });
  t.like(ended, { level: 'info', message: 'stream ended', fields: { client: '127.0.0.1', status: 200 } });
  t.true(Number(ended?.fields['bytes']) > 100);
  t.like(refused, {
    level: 'info',
    message: 'request refused',
    fields: { status: 400, code: 'BAD_REQUEST' },
  });
  t.notRegex(JSON.stringify(lines), /patient-|my-secret-name-of-32-characters-/);
});

test('an engine writes a line for what it tells, save blocks and progress', async (t) => {
  const url = await served(t, new MemorySource(documents), null);
  const { lines, logger } = kept();
  const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' }, logger });
  t.teardown(() => engine.close());
  engine.events.subscribe(() => undefined);
  await engine.start();
  t.true(lines.some(({ message }) => message === 'phase synced'));
  t.true(lines.some(({ message, fields }) => message === 'way taken' && fields['mode'] === 'stream'));
  t.false(lines.some(({ fields }) => ['block', 'progress', 'checkpoint'].includes(String(fields['event']))));
  const gone = createSyncEngine({
    peers: ['http://127.0.0.1:1'],
    storage: { use: 'memory' },
    retry: { maxAttempts: 1 },
    logger,
  });
  t.teardown(() => gone.close());
  await t.throwsAsync(gone.start());
  const lost = lines.find(({ message }) => message === 'peer lost');
  t.like(lost, { level: 'warn', fields: { code: 'PEER_UNREACHABLE' } });
  t.true(lost?.fields['err'] instanceof Error);
  t.true(lines.some(({ level, message }) => level === 'error' && message === 'phase failed'));
});

test.serial(
  'diagnostics channels get the events of servers and engines, while somebody listens',
  async (t) => {
    const url = await served(t, new MemorySource(documents), null);
    const events: string[] = [];
    const onServer = (message: unknown): void => {
      const { event } = message as { readonly event: ServerEvent };
      if ('path' in event) events.push(`server ${event.type} ${event.path}`);
    };
    const onEngine = (message: unknown): void => {
      const { event } = message as { readonly event: { readonly type: string } };
      events.push(`engine ${event.type}`);
    };
    subscribe('blockferry:server', onServer);
    subscribe('blockferry:engine', onEngine);
    const engine = createSyncEngine({ peers: [url], storage: { use: 'memory' } });
    t.teardown(() => engine.close());
    await engine.start();
    await until(() => events.includes('server answered /stream'));
    t.true(events.includes('server opened /stream'));
    t.true(events.includes('engine mode'));
    t.false(events.includes('engine block'));
    unsubscribe('blockferry:server', onServer);
    unsubscribe('blockferry:engine', onEngine);
    const before = events.length;
    await (await fetch(`${url}/sync/stream`)).text();
    t.is(events.length, before);
  },
);

for (const form of ['json', 'pretty'] as const)
  test(`serve --log ${form} writes its lines to standard error, and --metrics serves metrics`, async (t) => {
    const data = tempDir(t);
    const imported = new Cli(t, ['import', '--data', data, '-']);
    imported.stdin.end(ndjson(documents));
    t.is((await imported.finished).code, 0);
    const { cli, url } = await serveCommand(t, data, '--log', form, '--metrics');
    // What a terminal obeys: CSI in one byte and as it is written in addresses, and what turns the direction of writing.
    await raw(url, 'GET /sync/tiles/\x9b31m\xe2\x80\xae HTTP/1.1');
    await raw(url, 'GET /sync/tiles/%1b[31m%0aforged?from=%1b[2J%0aforged HTTP/1.1');
    await (await fetch(`${url}/sync/stream?from_height=2`)).text();
    const metrics = await (await fetch(`${url}/sync/metrics`)).text();
    t.regex(metrics, /^blockferry_height\{kind="head"\} 4$/m);
    cli.kill('SIGTERM');
    const { stderr } = await cli.finished;
    if (form === 'json') {
      const lines = stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      t.like(lines.at(-1), { level: 'info', message: 'stream ended', way: 'stream', from: '2', status: 200 });
      t.regex(String(lines[0]?.['time']), /^\d{4}-\d\d-\d\dT/);
    } else {
      t.regex(
        stderr,
        /^\S+ INFO +stream ended way=stream method=GET path=\/stream status=200 client=127\.0\.0\.1 from=2 /m,
      );
    }
    t.notRegex(stderr, /patient-/);
    t.regex(stderr, /request refused/);
    t.notRegex(stderr.replaceAll('\n', ' '), /[\p{Cc}\p{Cf}]/u);
    t.notRegex(stderr, /^forged/m);
  });
