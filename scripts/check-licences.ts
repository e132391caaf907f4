// Checks the packages in the lockfile, those for development included: their licences, that they come from one registry
// and are pinned by hash, which of them run scripts when they are installed, and that package.json asks for them.
import { run } from './lib/process.js';
import { projectRoot } from './lib/project.js';
import { agreementProblems } from './lockfile/agreement.js';
import { licenceProblems } from './lockfile/licences.js';
import {
  installedLicence,
  lockedPackages,
  type Lockfile,
  type Manifest,
  readJson,
} from './lockfile/lockfile.js';
import { originProblems } from './lockfile/origins.js';

/** What npm itself finds wrong with the lockfile: a package that is missing, or in a version that was not asked for. */
async function treeProblems(): Promise<string[]> {
  const { status, output } = await run('npm', ['ls', '--all', '--package-lock-only'], { cwd: projectRoot });
  return status === 0 ? [] : output.split('\n').filter((line) => line.startsWith('npm error'));
}

const lockfile = readJson(projectRoot, 'package-lock.json') as Lockfile;
const manifest = readJson(projectRoot, 'package.json') as Manifest;
const problems = [
  ...licenceProblems(lockfile, (path) => installedLicence(projectRoot, path)),
  ...originProblems(lockfile),
  ...agreementProblems(lockfile, manifest),
  ...(await treeProblems()),
];
for (const problem of problems) console.error(problem);
console.log(`${lockedPackages(lockfile).length} packages, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
