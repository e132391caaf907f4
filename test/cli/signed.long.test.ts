import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { refOf } from '../helpers/producers.js';
import { type Finished, jsonLines, serve } from './cli.js';
import { run } from './in-process.js';
import { sharedFolder } from './shared-folder.js';

async function output(t: ExecutionContext, args: readonly string[], input = ''): Promise<Buffer> {
  const { code, stdout, stderr } = await run(args, Buffer.from(input));
  t.is(code, 0, `${args.join(' ')}\n${stderr}`);
  return stdout;
}

function failed(t: ExecutionContext, { code, stderr }: Finished, error: string): void {
  t.is(code, 1, stderr);
  t.regex(stderr, new RegExp(`^${error}: `, 'm'));
}

const records = (from: number, count: number, label = 'a'): string =>
  Array.from({ length: count }, (_, index) => `{"n":${from + index},"label":"${label}"}\n`).join('');

interface Place {
  readonly dir: string;
  readonly keys: readonly [string, string];
  readonly producers: readonly [string, string];
}

const withKeys = sharedFolder(async function withKeys(t, dir) {
  const a = await output(t, ['keygen', '--out', join(dir, 'a.key')]);
  const b = await output(t, ['keygen', '--out', join(dir, 'b.key'), '--scheme', 'ed25519']);
  return [a.toString().trim(), b.toString().trim()] as const;
});

/** A folder with a key of each kind. */
async function place(t: ExecutionContext): Promise<Place> {
  const { dir, made } = await withKeys(t);
  return { dir, keys: [join(dir, 'a.key'), join(dir, 'b.key')], producers: made };
}

const lastLine = (ndjson: Buffer): Buffer => ndjson.subarray(ndjson.lastIndexOf(0x0a, ndjson.length - 2) + 1);
const on = (line: Buffer): string[] => {
  const { height, hash } = refOf(line);
  return ['--height', String(height + 1), '--previous-hash', hash];
};

test('keygen makes keys of Ed25519 too, for their owner alone, and seal signs with both kinds', async (t) => {
  const { keys, producers } = await place(t);
  t.regex(producers[0], /^0[23][0-9a-f]{64}$/);
  t.regex(producers[1], /^[0-9a-f]{64}$/);
  for (const [index, key] of keys.entries()) {
    t.is(statSync(key).mode & 0o777, 0o600);
    const sealed = await output(t, ['seal', '--key', key], records(0, 3));
    const again = await output(t, ['seal', '--key', key], records(0, 3));
    t.true(sealed.equals(again), 'the same records give the same blocks');
    for (const line of sealed.toString().trimEnd().split('\n'))
      t.true(line.includes(`,"producer":"${producers[index] ?? ''}","signature":"`));
  }
  const own = await output(t, ['seal', '--key', keys[0]], '{"producer":"x"}\n');
  t.true(own.toString().includes(`,"record":{"producer":"x"},"producer":"${producers[0]}","signature":"`));
  const snapshotKey = await run(['snapshot', 'sign', join(keys[1], '..', 'none.json'), '--key', keys[1]]);
  failed(t, snapshotKey, 'KEY_UNUSABLE');
});

test('a signed chain goes from seal by import, serve and sync to verify, whose blocks change producers', async (t) => {
  const { dir, keys, producers } = await place(t);
  const first = await output(t, ['seal', '--key', keys[0]], records(0, 50));
  const second = await output(t, ['seal', '--key', keys[1], ...on(lastLine(first))], records(50, 50));
  const file = join(dir, 'chain.ndjson');
  writeFileSync(file, Buffer.concat([first, second]));
  const flags = ['--producer', producers[0], '--producer', `50:${producers[1]}`];
  await output(t, ['import', '--data', join(dir, 'one'), file, ...flags]);
  const { url } = await serve(t, join(dir, 'one'));
  await output(t, ['sync', '--peer', url, '--data', join(dir, 'two'), ...flags]);
  await output(t, ['verify', '--data', join(dir, 'two'), ...flags, '--signatures']);
  t.true((await output(t, ['export', '--data', join(dir, 'two')])).equals(readFileSync(file)));
  const wrong = ['--producer', producers[0]];
  failed(t, await run(['sync', '--peer', url, '--data', join(dir, 'three'), ...wrong]), 'PRODUCER_UNKNOWN');
  failed(t, await run(['verify', '--data', join(dir, 'two'), ...wrong]), 'PRODUCER_UNKNOWN');
  failed(t, await run(['import', '--data', join(dir, 'four'), file, ...wrong]), 'PRODUCER_UNKNOWN');
});

test('a signed block vouches for an unsigned one before it; verify --signatures asks each', async (t) => {
  const { dir, keys, producers } = await place(t);
  const first = await output(t, ['seal', '--key', keys[1]], records(0, 20));
  const gap = await output(t, ['seal', ...on(lastLine(first))], records(20, 1));
  const second = await output(t, ['seal', '--key', keys[1], ...on(gap)], records(21, 100));
  const file = join(dir, 'chain.ndjson');
  writeFileSync(file, Buffer.concat([first, gap, second]));
  const flags = ['--producer', producers[1]];
  await output(t, ['import', '--data', join(dir, 'one'), file, ...flags]);
  await output(t, ['verify', '--data', join(dir, 'one'), ...flags]);
  const checked = await run(['verify', '--data', join(dir, 'one'), ...flags, '--signatures']);
  failed(t, checked, 'SIGNATURE_INVALID');
  t.regex(checked.stderr, /Block 20 is not signed/);
  const { code, stderr } = await run(['verify', '--data', join(dir, 'one'), '--signatures']);
  t.is(code, 2);
  t.regex(stderr, /--signatures needs --producer/);
});

test('what a producer has signed twice is told by sync and written by evidence', async (t) => {
  const { dir, keys, producers } = await place(t);
  const common = await output(t, ['seal', '--key', keys[1]], records(0, 10));
  const sealed = async (count: number, label: string): Promise<Buffer> =>
    output(t, ['seal', '--key', keys[1], ...on(lastLine(common))], records(10, count, label));
  const [ours, theirs] = [await sealed(1, 'ours'), await sealed(2, 'theirs')];
  const node = join(dir, 'node');
  const urls: string[] = [];
  for (const [index, top] of [ours, theirs].entries()) {
    const file = join(dir, `${index}.ndjson`);
    writeFileSync(file, Buffer.concat([common, top]));
    await output(t, ['import', '--data', join(dir, String(index)), file]);
    urls.push((await serve(t, join(dir, String(index)))).url);
  }
  const flags = ['--data', node, '--producer', producers[1], '--json'];
  await output(t, ['sync', '--peer', urls[0] ?? '', ...flags]);
  t.is((await output(t, ['evidence', '--data', node])).length, 0);
  const events = jsonLines(await output(t, ['sync', '--peer', urls[1] ?? '', ...flags]));
  const told = events.filter(({ event }) => event === 'equivocation');
  t.like(told[0], { producer: producers[1], height: 10, kept: true });
  t.is(told.length, 1);
  const { url } = await serve(t, node);
  t.truthy(url, 'the store is in use');
  const [one, other] = [ours, lastOfFirst(theirs)].map((line) => line.toString().trimEnd());
  const proof = `{"height":10,"producer":"${producers[1]}","blocks":[${one ?? ''},${other ?? ''}]}\n`;
  t.is((await output(t, ['evidence', '--data', node])).toString(), proof);
  failed(t, await run(['evidence', '--data', join(dir, 'none')]), 'STORE_NOT_FOUND');
});

function lastOfFirst(ndjson: Buffer): Buffer {
  return ndjson.subarray(0, ndjson.indexOf(0x0a) + 1);
}
