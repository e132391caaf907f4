import test from 'ava';
import { agreementProblems } from '../../scripts/lockfile/agreement.js';
import { isAllowed, licenceProblems } from '../../scripts/lockfile/licences.js';
import type { LockedPackage, Lockfile, Manifest } from '../../scripts/lockfile/lockfile.js';
import { originProblems } from '../../scripts/lockfile/origins.js';

const integrity = `sha512-${'A'.repeat(86)}==`;
const level = { integrity, license: 'MIT', hasInstallScript: true };

function lockfileOf(
  packages: Readonly<Record<string, LockedPackage>>,
  root: Manifest = {},
  lockfileVersion = 3,
): Lockfile {
  const known = { 'node_modules/classic-level': level, 'node_modules/esbuild': level };
  return { lockfileVersion, packages: { '': root, ...known, ...packages } };
}

const origins = (a: LockedPackage, b: LockedPackage = { integrity }): string[] =>
  originProblems(lockfileOf({ 'node_modules/a': { integrity, ...a }, 'node_modules/b': b }));

test('a licence counts when all that hold at once are allowed, or one of those to choose from', (t) => {
  const allowed = ['MIT', '(MIT OR GPL-3.0-only)', 'GPL-3.0-only OR ISC', 'MIT AND ISC'];
  for (const expression of allowed) t.true(isAllowed(expression), expression);
  const refused = [
    '',
    'GPL-3.0-only',
    'AGPL-3.0-or-later',
    'MIT AND GPL-3.0-only',
    '(GPL-2.0-only OR GPL-3.0-only)',
    'MIT OR ISC AND GPL-3.0-only',
    '(MIT OR ISC) AND GPL-3.0-only',
    'MIT OR (ISC AND GPL-3.0-only)',
    'Apache-2.0 WITH LLVM-exception',
    'SEE LICENSE IN LICENSE.md',
    'UNLICENSED',
  ];
  for (const expression of refused) t.false(isAllowed(expression), expression);
});

test('a package without an allowed licence is named, and one whose own word is another', (t) => {
  const lockfile = lockfileOf({
    'node_modules/a': { license: 'GPL-3.0-only' },
    'node_modules/b': {},
    'node_modules/c': { license: 'MIT' },
    'node_modules/d': { license: 'ISC' },
  });
  const own = new Map([['node_modules/c', 'GPL-3.0-only']]);
  t.deepEqual(
    licenceProblems(lockfile, (path) => own.get(path) ?? null),
    [
      'node_modules/a has the licence GPL-3.0-only, which is not on the list',
      'node_modules/b names no licence',
      'node_modules/c has the licence GPL-3.0-only, but the lockfile says MIT',
    ],
  );
});

test('what tests alone use may have another licence where it is named with it, and users get none of it', (t) => {
  const problems = (path: string, more: object): number =>
    licenceProblems(lockfileOf({ [path]: { license: 'MPL-2.0', ...more } }), () => null).length;
  t.is(problems('node_modules/axe-core', { dev: true }), 0);
  t.is(problems('node_modules/axe-core', {}), 1);
  t.is(problems('node_modules/axe-core', { dev: true, license: 'GPL-3.0-only' }), 1);
  t.is(problems('node_modules/other', { dev: true }), 1);
});

const one = { integrity, resolved: 'https://one.example/b/-/b-1.0.0.tgz' };

test('packages of one registry pass, whether it is named or not', (t) => {
  t.deepEqual(origins({}), []);
  t.deepEqual(origins({ resolved: 'https://one.example/@x/a/-/a-1.0.0.tgz' }, level), [
    'The packages name several registries: none, one.example',
    'node_modules/b runs a script when it is installed',
  ]);
  const scripted = { ...one, ...level };
  const packages = {
    'node_modules/classic-level': scripted,
    'node_modules/esbuild': scripted,
    'node_modules/b': one,
  };
  t.deepEqual(originProblems(lockfileOf(packages)), []);
});

test('packages of two registries are found', (t) => {
  const other = { resolved: 'https://two.example/a/-/a-1.0.0.tgz' };
  t.deepEqual(origins(other, one), ['The packages name several registries: none, two.example, one.example']);
});

for (const resolved of [
  'git+ssh://git@one.example/a/a.git#0123456',
  'http://one.example/a/-/a-1.0.0.tgz',
  'https://one.example/a/archive/main.tar.gz',
  'https://user@one.example/a/-/a-1.0.0.tgz',
  'file:../a',
  'packages/a',
]) {
  test(`a package that comes from ${resolved} is found`, (t) => {
    t.deepEqual(origins({ resolved }), [
      `node_modules/a comes from ${resolved}, which is no package of a registry`,
    ]);
  });
}

test('a package that no hash pins is found, and one that is a folder', (t) => {
  for (const weak of ['', 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk='])
    t.deepEqual(origins({ integrity: weak }), ['node_modules/a has no SHA-512 to check it by']);
  t.deepEqual(origins({ link: true, resolved: '../a' }).slice(0, 1), [
    'node_modules/a is a link to a folder',
  ]);
});

test('a script at installation is found unless it is known, and one that is gone is struck off', (t) => {
  t.deepEqual(origins({ hasInstallScript: true }), ['node_modules/a runs a script when it is installed']);
  t.deepEqual(originProblems(lockfileOf({ 'node_modules/classic-level': { integrity } })), [
    'node_modules/classic-level runs no script any more when it is installed',
  ]);
});

test('a lockfile of another format is not guessed at', (t) => {
  t.deepEqual(originProblems(lockfileOf({}, {}, 2)), ['The lockfile has the format 2, not 3']);
});

test('a package.json that is not what the lockfile was made from is found', (t) => {
  const root = { name: 'x', dependencies: { a: '^1.0.0' }, devDependencies: { b: '^2.0.0' } };
  t.deepEqual(agreementProblems(lockfileOf({}, root), { ...root, scripts: {} }), []);
  const changed = { ...root, dependencies: {}, devDependencies: { b: '^3.0.0' } };
  t.deepEqual(agreementProblems(lockfileOf({}, root), changed), [
    'package.json and the lockfile differ in dependencies',
    'package.json and the lockfile differ in devDependencies',
  ]);
});
