import test from 'ava';
import { run } from './in-process.js';

const COMMANDS = [
  'import',
  'serve',
  'sync',
  'export',
  'get',
  'publish',
  'backup',
  'verify',
  'status',
  'doctor',
  'conformance',
  'seal',
  'keygen',
  'snapshot',
  'demo',
];

test('the help of every command goes to standard output and shows examples', async (t) => {
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await run([command, '--help']);
    t.is(code, 0, command);
    t.regex(
      stdout.toString(),
      new RegExp(`Usage: blockferry ${command} [^]*\\n {2}\\$ .*blockferry ${command}`),
    );
    t.is(stderr, '');
  }
});

test('the top-level help names every command', async (t) => {
  const { code, stdout } = await run(['--help']);
  t.is(code, 0);
  for (const command of COMMANDS) t.true(stdout.toString().includes(`\n  ${command} `), command);
});

const WRONG: readonly (readonly string[])[] = [
  [],
  ['launch'],
  ['import', '--data', 'x'],
  ['import', '--data', 'x', '--chain', 'linked:a,b', 'file'],
  ['serve', '--data', 'x', '--port', '70000'],
  ['sync', '--data', 'x'],
  ['sync', '--data', 'x', '--peer', 'ftp://example.org'],
  ['sync', '--data', 'x', '--peer', 'http://a', '--mode', 'teleport'],
  ['export', '--data', 'x', '--from', '01'],
  ['export', '--data', 'x', '--from', '2', '--to', '1'],
  ['get', '--data', 'x', '-1'],
  ['publish', '--data', 'x'],
  ['status'],
  ['seal', '--height', '3', '--data', 'x'],
];

test('wrong usage ends with the status 2 and a word on standard error', async (t) => {
  for (const args of WRONG) {
    const { code, stdout, stderr } = await run(args);
    t.is(code, 2, args.join(' '));
    t.is(stdout.toString(), '', args.join(' '));
    t.not(stderr, '', args.join(' '));
  }
});
