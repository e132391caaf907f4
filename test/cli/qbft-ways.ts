import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ndjson } from '../helpers/sealed-chain.js';
import type { QbftChain } from '../helpers/qbft-chain.js';
import { Cli, type Finished, type JsonLine, jsonLines, runAlone } from './cli.js';

/** What came of one way of a chain into a store. */
export interface Way {
  readonly name: string;
  readonly finished: Finished;
  /** Last line of `--json`. */
  readonly last: JsonLine | undefined;
  /** Whether the store has the chain byte for byte. */
  readonly isEqual: boolean;
}

/** Sends a chain through import, serve and sync by each mode, with processes of their own, all naming its first validators. */
export async function allWays(
  t: { teardown(fn: () => unknown): void },
  dir: string,
  chain: Pick<QbftChain, 'documents' | 'first'>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly ways: readonly Way[]; readonly status: Readonly<Record<string, unknown>> }> {
  const at = (name: string): string => join(dir, name);
  const wanted = ndjson(chain.documents);
  const newest = chain.documents.at(-1) as Uint8Array;
  const list = chain.first.map(({ address }) => address);
  writeFileSync(at('options'), JSON.stringify({ validators: [{ from: 0, list }], ...options }));
  const rules = ['--chain', 'evm-bft', '--chain-options', at('options')];
  const ways: Way[] = [];
  const compare = async (name: string, data: string, finished: Finished): Promise<void> => {
    const exported = await runAlone(t, ['export', '--data', at(data)]);
    const last = jsonLines(finished.stdout).at(-1);
    ways.push({ name, finished, last, isEqual: exported.stdout.equals(wanted) });
  };
  const before = wanted.subarray(0, wanted.length - newest.length - 1);
  const imported = await runAlone(t, ['import', '--data', at('a'), ...rules, '--json', '-'], before);
  const keys = await runAlone(t, ['keygen', '--out', at('key')]);
  const key = keys.stdout.toString().trim();
  const source = new Cli(t, ['serve', '--data', at('a'), '--port', '0', '--json', '--ingest', '-', ...rules]);
  const url = (await source.waitFor(({ event }) => event === 'listening'))['url'] as string;
  const to = (data: string, ...more: readonly string[]): readonly string[] => [
    ...['sync', '--peer', url, '--data', at(data), '--json', ...rules, ...more],
  ];
  const follower = new Cli(t, to('follow', '--follow'));
  await follower.waitFor(({ event, phase }) => event === 'phase' && phase === 'synced');
  source.stdin.write(Buffer.concat([newest, Buffer.from('\n')]));
  const height = chain.documents.length - 1;
  await follower.waitFor(
    ({ event, head }) => event === 'checkpoint' && (head as { height: number }).height === height,
  );
  follower.kill('SIGTERM');
  await compare('follow', 'follow', await follower.finished);
  for (const mode of ['stream', 'json', 'auto'])
    await compare(`sync --mode ${mode}`, mode, await runAlone(t, to(mode, '--mode', mode)));
  const status = (await (await fetch(new URL('/sync/status', url))).json()) as Record<string, unknown>;
  source.kill('SIGTERM');
  await source.finished;
  await compare('import, ingest', 'a', imported);
  const made = await runAlone(t, [
    'snapshot',
    'create',
    '--data',
    at('a'),
    '--key',
    at('key'),
    '--type',
    'full',
    '--json',
  ]);
  ways.push({ name: 'snapshot create', finished: made, last: undefined, isEqual: true });
  const server = new Cli(t, [
    'serve',
    '--data',
    at('a'),
    '--port',
    '0',
    '--json',
    '--key',
    at('key'),
    ...rules,
  ]);
  const second = (await server.waitFor(({ event }) => event === 'listening'))['url'] as string;
  const trusted = ['--mode', 'snapshot', '--snapshot-type', 'full', '--trust', key, '--json', ...rules];
  await compare(
    'sync --mode snapshot',
    'snapshot',
    await runAlone(t, ['sync', '--peer', second, '--data', at('snapshot'), ...trusted]),
  );
  server.kill('SIGTERM');
  await server.finished;
  await compare('verify', 'auto', await runAlone(t, ['verify', '--data', at('auto'), '--json', ...rules]));
  return { ways, status };
}
