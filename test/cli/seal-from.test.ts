import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { dataTest } from '../helpers/data-test.js';
import { tempDir } from '../helpers/temp-dir.js';
import { run } from './in-process.js';

const file = (folder: string, name: string): string => join(folder, ...name.split('/'));
const folderFor = (t: ExecutionContext): string => join(tempDir(t), 'store');
const read = (folder: string, name: string): Buffer => readFileSync(file(folder, name));

dataTest(
  'answers of CometBFT are joined, in whatever lines they come',
  'vectors/chains',
  async (t, folder) => {
    const names = ['v034-block-1', 'v034-block-10', 'v034-commit-10'];
    const answers = names.map((name) => read(folder, `cometbft/${name}.json`).toString());
    const pretty = answers.map((text) => JSON.stringify(JSON.parse(text), null, 2));
    for (const input of [answers.join('\n'), answers.join(''), pretty.join('\r\n')]) {
      const taken = await run(['seal', '--from', 'cometbft'], Buffer.from(input));
      t.is(taken.code, 0, taken.stderr);
      const lines = taken.stdout
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => Object.keys(JSON.parse(line) as object));
      t.deepEqual(lines, [
        ['block', 'block_id'],
        ['block', 'block_id', 'commit'],
      ]);
      const tried = await run(
        ['import', '--chain', 'cometbft', '--base', '1', '--data', folderFor(t), '-'],
        taken.stdout,
      );
      t.regex(tried.stderr, /HEIGHT_GAP|"validators"/);
    }
    const wrong = await run(['seal', '--from', 'cometbft'], Buffer.from(`${answers[0]}${answers[2]}`));
    t.regex(wrong.stderr, /an answer for block 10 behind that for block 1/);
  },
);

dataTest(
  'blocks of Bitcoin and Fabric are taken out of what their tools write',
  'vectors/chains',
  async (t, folder) => {
    const bitcoin = await run(['seal', '--from', 'bitcoin', file(folder, 'bitcoin/regtest-113.json')]);
    t.is(bitcoin.code, 0, bitcoin.stderr);
    t.notRegex(bitcoin.stdout.toString(), /"confirmations"|"nextblockhash"/);
    const imported = await run(
      ['import', '--chain', 'bitcoin', '--base', '113', '--data', folderFor(t), '-'],
      bitcoin.stdout,
    );
    t.is(imported.code, 0, imported.stderr);
    const forms = ['fabric/businesschannel_4.block', 'fabric/businesschannel_4.configtxlator.json'];
    for (const name of forms) {
      const fabric = await run(['seal', '--from', 'fabric', file(folder, name)]);
      t.is(fabric.code, 0, fabric.stderr);
      const stored = await run(
        ['import', '--chain', 'fabric', '--base', '4', '--data', folderFor(t), '-'],
        fabric.stdout,
      );
      t.is(stored.code, 0, stored.stderr);
    }
  },
);

test('what is no answer is refused', async (t) => {
  for (const [from, input, message] of [
    ['cometbft', '{"x":1}', /before the first one of \/block/],
    ['cometbft', '[]', /no object in the input/],
    ['bitcoin', '{"hash":"', /the end inside an object/],
    ['bitcoin', '{"result":null}', /BLOCK_MALFORMED/],
  ] as const) {
    const { code, stderr } = await run(['seal', '--from', from], Buffer.from(input));
    t.is(code, 1, input);
    t.regex(stderr, message, input);
  }
});
