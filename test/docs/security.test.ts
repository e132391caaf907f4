import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../helpers/shared.js';

const text = readFileSync(join(projectRoot, 'SECURITY.md'), 'utf8');
const rows = text.split('\n').filter((line) => /^\| (?:TUF|OWASP)/.test(line));

/** The file and the title that a row names; `null` when it names none. */
function testOf(row: string): { readonly file: string; readonly title: string } | null {
  const [, file, title] = /`(test\/[^`]+)`: “([^”]+)” *\|$/.exec(row) ?? [];
  return file === undefined || title === undefined ? null : { file, title };
}

/** Whether a file of tests has one with that title. */
function hasTest(file: string, title: string): boolean {
  const path = join(projectRoot, file);
  if (!existsSync(path)) return false;
  const source = readFileSync(path, 'utf8');
  return [`test('${title}', `, `test.serial('${title}', `].some((begin) => source.includes(begin));
}

test('each attack that SECURITY.md lists is held by a test that is there', (t) => {
  t.true(rows.length > 20);
  for (const row of rows) {
    const named = testOf(row);
    t.truthy(named, row);
    if (named !== null) t.true(hasTest(named.file, named.title), `${named.file}: ${named.title}`);
  }
});

test('a row without a test, or with one that is not there, would be found', (t) => {
  t.is(testOf('| TUF: rollback | halts | nothing |'), null);
  t.false(hasTest('test/docs/security.test.ts', 'a title that no test has'));
  t.false(hasTest('test/docs/missing.test.ts', 'each attack that SECURITY.md lists'));
});
