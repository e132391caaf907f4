import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { brokenLinks, missingFiles } from '../../scripts/docs/links.js';
import { type MarkdownFile, readMarkdown } from '../../scripts/docs/markdown.js';
import { updateQuotes, wrongQuotes } from '../../scripts/docs/quotes.js';
import { runShellBlocks } from '../../scripts/docs/shell.js';
import { typeErrors } from '../../scripts/docs/typescript.js';
import { projectRoot } from '../helpers/shared.js';
import { tempDir } from '../helpers/temp-dir.js';

function write(folder: string, path: string, lines: readonly string[]): MarkdownFile {
  writeFileSync(join(folder, path), lines.join('\n'));
  return readMarkdown(join(folder, path), path);
}

test('links to files and headings that are not there are found, and no others', (t) => {
  const root = tempDir(t);
  mkdirSync(join(root, 'docs'));
  const a = write(root, 'a.md', ['# One `two`: three', '## Same', '## Same', '[b](docs/b.md#sub-heading)']);
  const b = write(root, 'docs/b.md', [
    '## Sub-heading',
    '[a](../a.md#one-two-three) [a](../a.md#same-1) [self](#sub-heading) [web](https://example.org/#x)',
    '`[code](nowhere.md)`',
    '```md',
    '[code](nowhere.md)',
    '# No heading',
    '```',
    '[file](missing.md) [heading](../a.md#same-2) [self](#no-heading)',
  ]);
  t.deepEqual(brokenLinks([a, b], root), [
    'docs/b.md:8: there is no docs/missing.md',
    'docs/b.md:8: a.md has no heading #same-2',
    'docs/b.md:8: docs/b.md has no heading #no-heading',
  ]);
});

test('a link that is wrapped is found, and named by the line that it begins on', (t) => {
  const root = tempDir(t);
  const lines = [
    'one [two',
    'three](missing.md) `[code',
    'code](nowhere.md)`',
    '',
    'a ] b [c',
    '',
    'd](no-link.md)',
  ];
  t.deepEqual(brokenLinks([write(root, 'a.md', lines)], root), ['a.md:1: there is no missing.md']);
});

test('a file that is named as code and is not there is found', (t) => {
  const root = tempDir(t);
  mkdirSync(join(root, 'test'));
  writeFileSync(join(root, 'test', 'a.test.ts'), '');
  const lines = ['`test/a.test.ts`', '`test/b.test.ts` `test/KIND-NAME` `x test/c.test.ts` (`src/d.ts`)'];
  t.deepEqual(missingFiles([write(root, 'a.md', lines)], root), [
    'a.md:2: there is no test/b.test.ts',
    'a.md:2: there is no src/d.ts',
  ]);
});

test('a quote that is not its file is found and can be updated', (t) => {
  const root = tempDir(t);
  writeFileSync(join(root, 'x.ts'), 'one();\ntwo();\n');
  const lines = [
    '```ts x.ts',
    'old();',
    '```',
    'between',
    '```ts x.ts',
    'one();',
    'two();',
    '```',
    'end',
    '',
  ];
  const stale = write(root, 'a.md', lines);
  t.deepEqual(wrongQuotes([stale], root), ['a.md:2: this is not x.ts; run `npm run docs:quote`']);
  updateQuotes([stale], root);
  t.deepEqual(wrongQuotes([readMarkdown(join(root, 'a.md'), 'a.md')], root), []);
  t.regex(
    readFileSync(join(root, 'a.md'), 'utf8'),
    /^```ts x\.ts\none\(\);\ntwo\(\);\n```\nbetween\n```ts[^]*\nend\n$/,
  );
});

test('a code block that ends nowhere is refused', (t) => {
  t.throws(() => write(tempDir(t), 'a.md', ['text', '```ts', 'x']), { message: /a\.md:2: .* does not end/ });
});

test('code is compiled against the package, and an error names the line of the document', async (t) => {
  const good = ['```ts', "import { openChain } from 'blockferry';", 'void openChain;', '```'];
  const bad = [
    'text',
    '```ts',
    "import { openChain } from 'blockferry';",
    'await openChain({ store: 1 });',
    '```',
  ];
  const folder = tempDir(t);
  const files = [write(folder, 'good.md', good), write(folder, 'bad.md', bad)];
  const errors = await typeErrors(files, projectRoot);
  t.is(errors.filter((line) => /^\S.*: error TS/.test(line)).length, 1, errors.join('\n'));
  t.regex(errors[0] ?? '', /bad\.md\.3\.ts\(4,\d+\): error TS/);
});

test('shell blocks of a document share a folder, a failing one is reported, and a left-out one needs a reason', async (t) => {
  const folder = tempDir(t);
  const good = write(folder, 'good.md', ['```sh', 'echo 1 > file', '```', '```sh', 'test -f file', '```']);
  const bad = write(folder, 'bad.md', ['```sh', 'test -f file', 'echo reached', '```']);
  const left = write(folder, 'left.md', [
    '```sh no-run: no network',
    'false',
    '```',
    '```sh no-run',
    'x',
    '```',
  ]);
  const result = await runShellBlocks([good, bad, left], projectRoot);
  t.is(result.run, 3);
  t.is(result.skipped, 2);
  t.is(result.problems.length, 2);
  t.regex(result.problems[0] ?? '', /^bad\.md: a shell block failed \(1\):\n--- bad\.md:2\n/);
  t.notRegex(result.problems[0] ?? '', /reached/);
  t.is(result.problems[1], 'left.md:5: no-run gives no reason');
});

test('what a shell block leaves running is ended with it and does not hold the check up', async (t) => {
  // Its output stays open while the program runs: without the end of it the check would wait for ten minutes.
  const file = write(tempDir(t), 'a.md', ['```sh', 'sleep 600 &', 'echo started', '```']);
  t.deepEqual((await runShellBlocks([file], projectRoot)).problems, []);
});
