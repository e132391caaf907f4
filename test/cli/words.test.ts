import test from 'ava';
import { failureOf } from '../../src/cli/exit.js';
import { COMMANDS } from '../../src/cli/program.js';
import { actionOf, inFlags } from '../../src/cli/words.js';
import { ERROR_CODES, type ErrorCode, SyncError } from '../../src/errors/index.js';

async function flags(): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const [, load] of Object.values(COMMANDS)) {
    const command = (await load()).command();
    for (const { options } of [command, ...command.commands])
      for (const { long } of options) if (typeof long === 'string') names.add(long);
  }
  return names;
}

test('what to do about a failure names options that the command line has, and no others', async (t) => {
  const known = await flags();
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const action = actionOf(code);
    for (const [flag] of action.matchAll(/--[a-z-]+/g)) t.true(known.has(flag), `${code}: ${flag}`);
    for (const [, name = ''] of action.matchAll(/`([^`]+)`/g)) {
      t.is(inFlags(`\`${name}\``), `\`${name}\``, `${code} names the option ${name} of a configuration`);
      t.notRegex(name, /^[a-z]+[A-Z]|^plugins$/, `${code} names ${name}`);
    }
  }
});

test('a message that names an option of a configuration is told with that of the command line', (t) => {
  const error = new SyncError('CHAIN_MISMATCH', 'Rules that are only used when `chain` asks for them.');
  t.is(failureOf(error).message, 'Rules that are only used when --chain asks for them.');
  t.is(inFlags('`limits.maxBlockBytes` or `peers[1]`'), '--max-block-bytes or --peer (no. 2)');
  t.is(inFlags('The mode `snapshot`'), 'The mode `snapshot`');
});
