import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Command } from 'commander';
import { generateKeyFile } from '../../plugins/signer-secp256k1/index.js';
import { COMMANDS } from '../../src/cli/program.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';
import type { LineResult } from './options-process.js';

/** Files that the command lines name. The folder itself is a store of nobody: a command that comes so far ends there. */
interface Files {
  readonly dir: string;
  readonly lines: string;
  readonly missing: string;
  readonly key: string;
  readonly publicKey: string;
  readonly state: string;
  readonly otherState: string;
  readonly noState: string;
  readonly noOptions: string;
  readonly noObject: string;
  readonly headers: string;
  readonly tokens: string;
}

async function makeFiles(t: ExecutionContext): Promise<Files> {
  const dir = tempDir(t);
  const at = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const key = join(dir, 'snapshot.key');
  const { publicKey } = await generateKeyFile(key);
  return {
    dir,
    lines: at('blocks.ndjson', ''),
    missing: join(dir, 'missing'),
    key,
    publicKey,
    state: at('state.mjs', 'export default { apply() {} };'),
    otherState: at('other.mjs', 'export default { aply() {} };'),
    noState: at('none.mjs', 'export const apply = 1;'),
    noOptions: at('options.json', '{}'),
    noObject: at('list.json', '[]'),
    tokens: at('tokens.txt', 'a 0123456789abcdef\n'),
    headers: at('headers.txt', '# a token\nauthorization: Bearer x\n'),
  };
}

/** Nobody listens there. */
const PEER = 'http://127.0.0.1:1';
const DATABASE = 'postgres://127.0.0.1:1/d?outageMs=1';

const CONNECTION_FLAGS = ['--header', '--header-file', '--ca', '--cert', '--key', '--proxy'];
const TRUST_FLAGS = ['--trust', '--threshold', '--trust-hash', '--snapshot-type'];

interface Row {
  readonly takes: readonly string[];
  readonly refuses: readonly string[];
  /** What has to be given beside it. */
  readonly beside?: readonly string[];
}

/** By option, or by command and option where it differs from other commands. */
function rowsFor({
  dir,
  lines,
  missing,
  key,
  publicKey,
  state,
  otherState,
  noState,
  noOptions,
  noObject,
  headers,
  tokens,
}: Files): Readonly<Record<string, Row>> {
  const file = (path: string): Row => ({ takes: [path], refuses: [''] });
  const heights: Row = { takes: ['0', '5'], refuses: ['', '-1', '01', '1.5', 'x', '9007199254740992'] };
  const counts: Row = { takes: ['1', '9007199254740991'], refuses: ['', '0', '-1', '1e3', '1mb'] };
  const types: Row = { takes: ['recent', 'full'], refuses: ['', 'all', 'Full'] };
  const peers: Row = {
    takes: ['http://127.0.0.1:2', 'http://a:b@127.0.0.1:2/x'],
    refuses: ['', 'nonsense', 'ftp://127.0.0.1', `${PEER}/?a=b`],
  };
  return {
    '--data': file(dir),
    '--store': {
      takes: [DATABASE, `${DATABASE}&store=a&schema=b&durability=primary&leaseMs=2000`],
      refuses: [
        '',
        'mysql://h/d',
        'postgres://u:p@h/d',
        'postgres://h/d?password=p',
        `${DATABASE}&leaseMs=1`,
        `${DATABASE}&schema=A`,
      ],
    },
    'create --store': { takes: [DATABASE], refuses: ['', 'mysql://h/d', 'postgres://u:p@h/d'] },
    'migrate --from': file(dir),
    'migrate --to': file(missing),
    '--cursor': { takes: ['x'], refuses: [''] },
    '--snapshots': { ...file(missing), beside: [`--key=${key}`] },
    '--chain': {
      takes: [
        'sealed-json',
        'ethereum',
        'cometbft',
        'bitcoin',
        'fabric',
        'linked:a,b,c',
        'linked:a.b,c,d.e,f,ms',
      ],
      refuses: ['', 'dogecoin', 'Ethereum', 'linked:a,b'],
    },
    '--chain-options': {
      takes: [noOptions],
      refuses: ['', missing, state, noObject],
      beside: ['--chain=cometbft'],
    },
    '--chain-id': { takes: ['x', 'ab'.repeat(32)], refuses: [''] },
    '--base': heights,
    '--checkpoint': {
      takes: [`0:${'ab'.repeat(32)}`, '5:x'],
      refuses: ['', '5', '5:', ':x', '-1:x', '01:x', '9007199254740992:x'],
    },
    '--producer': {
      takes: [publicKey, `5:${'5'.repeat(64)}`],
      refuses: [
        '',
        'abc',
        '5:',
        `:${publicKey}`,
        `-1:${publicKey}`,
        `01:${publicKey}`,
        publicKey.toUpperCase(),
      ],
    },
    'seal --key': file(key),
    'seal --from': { takes: ['cometbft', 'bitcoin', 'fabric'], refuses: ['', 'Fabric', 'geth'] },
    '--wrap': { takes: ['record', 'a b'], refuses: ['', 'height', 'producer'] },
    '--scheme': { takes: ['secp256k1', 'ed25519'], refuses: ['', 'rsa', 'Ed25519'] },
    '--max-block-bytes': counts,
    '--finality-depth': heights,
    '--header': {
      takes: ['X-Tenant: a', 'authorization:Bearer x'],
      refuses: ['', 'x', ': x', 'a b: c', 'a: ☃'],
    },
    '--header-file': file(headers),
    '--ca': file(missing),
    '--cert': file(missing),
    'sync --key': file(missing),
    'status --key': file(missing),
    'doctor --key': file(missing),
    'snapshot inspect --key': file(missing),
    'snapshot fetch --key': file(missing),
    '--tls-key': file(missing),
    '--proxy': { takes: ['http://127.0.0.1:1'], refuses: ['', 'nonsense', 'socks5://a', 'http://a/x'] },
    '--state': { takes: [state], refuses: ['', otherState, noState] },
    '--peer': peers,
    'sync --peer': { ...peers, refuses: [...peers.refuses, PEER, `${PEER}/sync`] },
    '--mode': { takes: ['auto', 'stream', 'json'], refuses: ['', 'teleport', 'Auto'] },
    'serve --mode': { takes: ['auto', 'stream', 'json'], refuses: ['', 'teleport'] },
    '--trust': { takes: [publicKey], refuses: ['', 'abc', publicKey.toUpperCase()] },
    '--threshold': { takes: ['1'], refuses: ['', '0', '2', 'x'], beside: [`--trust=${publicKey}`] },
    '--trust-hash': { takes: ['ab'.repeat(32)], refuses: ['', 'abc', 'AB'.repeat(32)] },
    '--snapshot-type': types,
    '--max-parts': { takes: ['1', '1000000'], refuses: ['', '0', '1000001', 'x'] },
    '--codec': { takes: ['gzip', 'identity'], refuses: ['', 'gizp', 'bzip2'] },
    '--agree': { takes: ['1'], refuses: ['', '0', '2', 'x'] },
    '--accept-rollback': { takes: ['5:ab'], refuses: ['', '5', '5:', 'x:ab', '-1:ab'] },
    '--stale-after': { takes: ['1', '86400'], refuses: ['', '0', '-1', 'x'] },
    '--give-up-after': { takes: ['1', '86400'], refuses: ['', '0', '-1', 'x'] },
    '--to': heights,
    '--from': heights,
    '--host': { takes: ['127.0.0.1', '::1'], refuses: [''] },
    '--ui-port': { takes: ['0', '65535'], refuses: ['', '65536', '-1', 'x'] },
    '--port': { takes: ['0', '65535'], refuses: ['', '65536', '-1', 'x'] },
    '--ingest': file(lines),
    '--key': file(key),
    '--cache': { takes: ['private', 'public', 'no-store'], refuses: ['', 'Public', 'all'] },
    '--snapshot-every': { ...counts, beside: [`--key=${key}`] },
    '--max-behind-blocks': heights,
    '--max-behind': { takes: ['0', '86400'], refuses: ['', '-1', 'x', '9999999'] },
    '--role': {
      takes: ['auto', 'writer'],
      refuses: ['', 'Auto', 'reader'],
      beside: [`--peer=${PEER}`, `--store=${DATABASE}`],
    },
    '--token-file': file(tokens),
    '--log': { takes: ['json', 'pretty'], refuses: ['', 'text', 'JSON'] },
    '--height': { takes: ['0'], refuses: ['', '5', '-1', 'x'] },
    '--previous-hash': { takes: ['0'.repeat(64)], refuses: ['', 'abc', '1'.repeat(64)] },
    '--type': types,
    'snapshot create --codec': { takes: ['bzip2', 'gzip', 'identity'], refuses: ['', 'gizp'] },
    'publish --codec': { takes: ['zstd'], refuses: ['', 'gzip', 'bzip2', 'Zstd'] },
    '--recent': counts,
    '--keep': counts,
    '--before': heights,
    '--out': file(missing),
    'keygen --out': file(join(dir, 'other.key')),
  };
}

/** What each command is called with when nothing is tried: it ends soon, and not with wrong usage. */
function baseFor({ dir, lines, missing, key }: Files): Readonly<Record<string, readonly string[]>> {
  const hash = `--trust-hash=${'ab'.repeat(32)}`;
  return {
    import: [`--data=${dir}`, lines],
    serve: [`--data=${dir}`, `--peer=${PEER}`],
    'serve --role': [],
    'serve --ingest': [`--data=${dir}`],
    sync: [`--data=${dir}`, `--peer=${PEER}`],
    export: [`--data=${dir}`],
    get: [`--data=${dir}`],
    publish: [`--data=${dir}`, `--out=${missing}`],
    'import --store': [lines],
    'serve --store': [],
    'sync --store': [`--peer=${PEER}`],
    'export --store': [],
    'publish --store': [`--out=${missing}`],
    'verify --store': [],
    create: [],
    migrate: [`--from=${dir}`, `--to=${missing}`],
    'migrate --from': [`--to=${missing}`],
    'migrate --to': [`--from=${dir}`],
    upgrade: [`--data=${dir}`],
    'prune --data': ['--keep=1'],
    'prune --store': ['--keep=1'],
    'prune --keep': [`--data=${dir}`],
    'prune --before': [`--data=${dir}`],
    verify: [`--data=${dir}`],
    status: [],
    doctor: [],
    ...Object.fromEntries(CONNECTION_FLAGS.map((flag) => [`doctor ${flag}`, [`--peer=${PEER}`]])),
    ...Object.fromEntries(TRUST_FLAGS.map((flag) => [`doctor ${flag}`, [`--peer=${PEER}`]])),
    'snapshot inspect --proxy': [PEER],
    ...Object.fromEntries(CONNECTION_FLAGS.map((flag) => [`status ${flag}`, [`--peer=${PEER}`]])),
    seal: [missing],
    backup: [`${missing}-copy`],
    evidence: [`--data=${dir}`],
    'seal --data': [],
    'status --chain': [`--data=${dir}`],
    keygen: [`--out=${key}`],
    'snapshot create': [`--data=${dir}`, `--key=${key}`],
    'snapshot inspect': [missing],
    'snapshot verify': [missing, hash],
    'snapshot fetch': [`--peer=${PEER}`, `--out=${missing}`, hash],
    'snapshot sign': [missing, `--key=${key}`],
  };
}

interface Trial {
  readonly flag: string;
  readonly args: readonly string[];
  readonly isTaken: boolean;
}

/** Commands with their options that take a value: `snapshot create`, `--type`. */
function valueOptions(command: Command, name: string): readonly (readonly [command: string, flag: string])[] {
  const own = command.options.filter(({ required, optional }) => required || optional);
  return [
    ...own.map(({ long }) => [name, long ?? ''] as const),
    ...command.commands.flatMap((child) => valueOptions(child, `${name} ${child.name()}`)),
  ];
}

async function run(lines: readonly (readonly string[])[]): Promise<readonly LineResult[]> {
  const child = fork(join(projectRoot, 'dist', 'test', 'cli', 'options-process.js'), { silent: true });
  child.send(lines);
  const [results] = (await once(child, 'message')) as [readonly LineResult[]];
  return results;
}

async function allValueOptions(): Promise<readonly (readonly [command: string, flag: string])[]> {
  const loaded = Object.entries(COMMANDS).map(async ([name, [, load]]) =>
    valueOptions((await load()).command(), name),
  );
  return (await Promise.all(loaded)).flat();
}

/** The command lines that try one option. */
function trialsOf(command: string, flag: string, row: Row, files: Files): readonly Trial[] {
  const base = baseFor(files);
  const before = base[`${command} ${flag}`] ?? base[command] ?? [];
  const trial = (value: string, isTaken: boolean): Trial => ({
    flag,
    args: [...command.split(' '), ...before, ...(row.beside ?? []), `${flag}=${value}`],
    isTaken,
  });
  return [
    ...row.takes.map((value) => trial(value, true)),
    ...row.refuses.map((value) => trial(value, false)),
  ];
}

test('every option that takes a value has a row, and every row an option', async (t) => {
  const rows = rowsFor(await makeFiles(t));
  const used = (await allValueOptions()).map(([command, flag]) => {
    t.true(flag in rows || `${command} ${flag}` in rows, `${command} ${flag} has no row`);
    return `${command} ${flag}` in rows ? `${command} ${flag}` : flag;
  });
  t.deepEqual([...new Set(used)].sort(), Object.keys(rows).sort());
});

test('a value is taken, or refused by the name of its option with the status 2', async (t) => {
  t.timeout(120_000);
  const files = await makeFiles(t);
  const rows = rowsFor(files);
  const trials = (await allValueOptions()).flatMap(([command, flag]) => {
    const row = rows[`${command} ${flag}`] ?? rows[flag];
    return row === undefined ? [] : trialsOf(command, flag, row, files);
  });
  const results = await run(trials.map(({ args }) => args));
  t.is(results.length, trials.length);
  for (const [index, { status, told }] of results.entries()) {
    const { flag = '', args = [], isTaken = false } = trials[index] ?? {};
    const line = `${args.join(' ')}\n${told}`;
    t.is(status !== 2, isTaken, line);
    if (!isTaken) t.true(told.includes(flag), line);
    t.false(told.startsWith('INTERNAL'), line);
  }
});

const TOGETHER: readonly (readonly [args: readonly string[], told: string])[] = [
  [['--mode', 'snapshot'], '--trust is missing: the mode `snapshot` needs it'],
  [['--base', '5', '--to', '4'], '--to must not be below --base, which is 5; it is 4.'],
  [['--agree', '2'], '--agree must be an integer from 1 to 1, the number of peers, not 2.'],
  [['--threshold', '2'], '--threshold needs --trust.'],
  [['--peer', `${PEER}/sync`], '--peer (no. 2) is the same as --peer (no. 1)'],
];

test('options that do not go together are wrong usage, told by their names', async (t) => {
  const { dir } = await makeFiles(t);
  const results = await run(TOGETHER.map(([args]) => ['sync', '--data', dir, '--peer', PEER, ...args]));
  for (const [index, [args, told]] of TOGETHER.entries()) {
    t.is(results[index]?.status, 2, args.join(' '));
    t.true(results[index]?.told.startsWith(`USAGE: ${told}`), results[index]?.told);
  }
});
