// Checks the package as it would be published: what is in it, that it installs, imports, compiles and runs elsewhere.
import { readdirSync, rmSync } from 'node:fs';
import { Consumer } from './package/consumer.js';
import { publintProblems, typeProblems } from './package/lint.js';
import { pack } from './package/pack.js';
import { median } from './lib/median.js';
import { inProject, projectRoot } from './lib/project.js';

const PAGE = 'dist/src/dashboard/page/dashboard.html';
/** Needs an optional peer, which is installed for the check of the types. */
const OPENTELEMETRY = 'blockferry/opentelemetry';
/** Nothing else may be in the package. */
const PACKED = /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/(?:src|plugins)\/.+\.(?:js|d\.ts))$/;
const NOT_PACKED = /api-surface|\.test\./;

function checkFiles(files: readonly string[]): void {
  const stray = files.filter((file) => file !== PAGE && (!PACKED.test(file) || NOT_PACKED.test(file)));
  if (stray.length > 0) throw new Error(`These files don't belong into the package: ${stray.join(', ')}`);
  for (const needed of ['LICENSE', 'README.md', 'CHANGELOG.md', PAGE]) {
    if (!files.includes(needed)) throw new Error(`The package lacks ${needed}.`);
  }
}

async function checkInstalled(tarball: string, names: readonly string[]): Promise<void> {
  const consumer = new Consumer();
  try {
    await consumer.install(tarball);
    const files = consumer.files();
    checkFiles(files);
    await consumer.importAll(names.filter((name) => name !== OPENTELEMETRY));
    await consumer.command('--help');
    await consumer.roundTrip();
    const times = await consumer.importTimesMs('blockferry', 5);
    await consumer.typeCheck(projectRoot, names);
    await consumer.importAll([OPENTELEMETRY]);
    await consumer.mountInExpress(projectRoot);
    console.log(
      `${files.length} files; ${names.length} entry points import and compile; ten blocks came through unchanged; ` +
        `mounted in Express; importing the package takes ${Math.round(median(times))} ms (median of 5)`,
    );
  } finally {
    rmSync(consumer.folder, { recursive: true, force: true });
  }
}

const plugins = readdirSync(inProject('plugins')).map((name) => `./plugins/${name}`);
const entryPoints = [
  '.',
  './express',
  './http2',
  './http2-client',
  './metrics',
  './opentelemetry',
  './rules',
  './testing',
  ...plugins,
];
const names = entryPoints.map((path) => (path === '.' ? 'blockferry' : `blockferry${path.slice(1)}`));
const tarball = await pack(projectRoot, inProject('temp', 'package'));
const problems = [
  ...(await publintProblems(tarball)),
  ...(await typeProblems(projectRoot, tarball, entryPoints)),
];
if (problems.length > 0) throw new Error(problems.join('\n'));
await checkInstalled(tarball, names);
