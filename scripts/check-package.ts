// Checks the package as it would be published: what is in it, that it installs, imports, compiles and runs elsewhere.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brokenLinks } from './docs/links.js';
import { readMarkdown } from './docs/markdown.js';
import { Consumer } from './package/consumer.js';
import { entryPointsOf, importNameOf } from './package/entry-points.js';
import { publintProblems, typeProblems } from './package/lint.js';
import { pack } from './package/pack.js';
import { median } from './lib/median.js';
import { inProject, projectRoot } from './lib/project.js';

/** Needs an optional peer, which is installed for the check of the types. */
const OPENTELEMETRY = 'blockferry/opentelemetry';
/** A program, which exports nothing. */
const WORKER = 'blockferry/worker';
/** Nothing else may be in the package. */
const PACKED =
  /^(?:package\.json|LICENSE|llms\.txt|(?:README|CHANGELOG|CONTRIBUTING|SECURITY)\.md|dist\/(?:src|plugins)\/.+\.(?:js|cjs|d\.ts|map)|(?:src|plugins)\/.+\.(?:ts|md)|docs\/.+\.(?:md|json|png|svg)|examples\/.+|ops\/.+)$/;
/** Examples show how they are tested. */
const NOT_PACKED = /api-surface|^(?!examples\/).*\.test\.|^docs\/reference/;
const NEEDED = ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/src/dashboard/page-html.js', 'docs/errors.md'];

function checkFiles(files: readonly string[]): void {
  const stray = files.filter((file) => !PACKED.test(file) || NOT_PACKED.test(file));
  if (stray.length > 0) throw new Error(`These files don't belong into the package: ${stray.join(', ')}`);
  for (const needed of NEEDED) {
    if (!files.includes(needed)) throw new Error(`The package lacks ${needed}.`);
  }
}

/** Links of the packed documents, and the sources that the packed maps name. */
function checkReferences(folder: string, files: readonly string[]): void {
  const documents = files.filter((file) => file.endsWith('.md') && file !== 'docs/api.md');
  const problems = [
    ...brokenLinks(
      documents.map((path) => readMarkdown(join(folder, path), path)),
      folder,
    ),
    ...files.filter((file) => file.endsWith('.map')).flatMap((path) => missingSources(folder, path)),
  ];
  if (problems.length > 0) throw new Error(`What leads nowhere in the package:\n${problems.join('\n')}`);
}

function missingSources(folder: string, path: string): string[] {
  const { sources } = JSON.parse(readFileSync(join(folder, path), 'utf8')) as {
    readonly sources: readonly string[];
  };
  return sources
    .filter((source) => !existsSync(join(folder, dirname(path), source)))
    .map((source) => `${path}: there is no ${source}`);
}

async function checkInstalled(tarball: string, names: readonly string[]): Promise<void> {
  const consumer = new Consumer();
  try {
    await consumer.install(tarball);
    const files = consumer.files();
    checkFiles(files);
    checkReferences(consumer.installed, files);
    await consumer.importAll(names.filter((name) => name !== OPENTELEMETRY && name !== WORKER));
    await consumer.requireAll(names.filter((name) => name !== OPENTELEMETRY));
    await consumer.command('--help');
    await consumer.roundTrip();
    const times = await consumer.importTimesMs('blockferry', 5);
    await consumer.typeCheck(projectRoot, names);
    await consumer.importAll([OPENTELEMETRY]);
    await consumer.mountInExpress(projectRoot);
    console.log(
      `${files.length} files; ${names.length} entry points are imported, required and compiled; ten blocks came through unchanged; ` +
        `mounted in Express; importing the package takes ${Math.round(median(times))} ms (median of 5)`,
    );
  } finally {
    rmSync(consumer.folder, { recursive: true, force: true });
  }
}

const entryPoints = entryPointsOf(projectRoot);
const names = entryPoints.map(importNameOf);
const tarball = await pack(projectRoot, inProject('temp', 'package'));
const problems = [
  ...(await publintProblems(tarball)),
  ...(await typeProblems(projectRoot, tarball, entryPoints)),
];
if (problems.length > 0) throw new Error(problems.join('\n'));
await checkInstalled(tarball, names);
