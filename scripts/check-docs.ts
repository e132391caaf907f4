// Checks the documents: links resolve, quotes of files are up to date (`--quote` makes them so), `ts` blocks compile
// against the built package, `sh` blocks run.
import { readdirSync } from 'node:fs';
import { inProject, projectRoot } from './lib/project.js';
import { brokenLinks, missingFiles } from './docs/links.js';
import { type MarkdownFile, readMarkdown } from './docs/markdown.js';
import { updateQuotes, wrongQuotes } from './docs/quotes.js';
import { runShellBlocks } from './docs/shell.js';
import { typeErrors } from './docs/typescript.js';

/** Made from the sources, which are checked themselves. */
const GENERATED = new Set(['docs/api.md']);

/** What programs that read documents begin with (llmstxt.org). */
const GUIDE_TO_GUIDES = 'llms.txt';

/** Guides that a reader who begins there does not find. */
function unlisted(files: readonly MarkdownFile[]): string[] {
  const found = files.find(({ path }) => path === GUIDE_TO_GUIDES)?.links.map(({ target }) => target) ?? [];
  return files
    .filter(({ path }) => path.startsWith('docs/') && !found.includes(path))
    .map(({ path }) => `${GUIDE_TO_GUIDES} does not name ${path}`);
}

function documents(): MarkdownFile[] {
  const markdown = (folder: string): string[] =>
    readdirSync(inProject(folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => (folder === '.' ? name : `${folder}/${name}`));
  const paths = [GUIDE_TO_GUIDES, ...markdown('.'), ...markdown('docs')]
    .filter((path) => !GENERATED.has(path))
    .sort();
  return paths.map((path) => readMarkdown(inProject(path), path));
}

if (process.argv.includes('--quote')) updateQuotes(documents(), projectRoot);
const files = documents();
const shell = await runShellBlocks(files, projectRoot);
const problems = [
  ...brokenLinks(files, projectRoot),
  ...missingFiles(files, projectRoot),
  ...unlisted(files),
  ...wrongQuotes(files, projectRoot),
  ...(await typeErrors(files, projectRoot)),
  ...shell.problems,
];
for (const problem of problems) console.error(problem);
const count = (language: string): number =>
  files.flatMap(({ blocks }) => blocks).filter((block) => block.language === language).length;
const links = files.reduce((sum, file) => sum + file.links.length, 0);
console.log(
  `${files.length} documents: ${links} links, ${count('ts')} ts blocks compiled, ${shell.run} sh blocks run, ` +
    `${shell.skipped} not run, ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
