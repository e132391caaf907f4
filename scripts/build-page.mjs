// Makes what the compiler does not: the page of the dashboard out of its sources, one text with its style and its script in
// it, and what is no TypeScript. Plain JavaScript: it runs unbuilt.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'src/dashboard/page');
/** A module, so that it is in a bundle too. */
const target = join(root, 'dist/src/dashboard/page-html.js');

/** Copied as they are. */
const COPIED = ['src/internal/node/this-file.cjs'];

for (const path of COPIED) {
  mkdirSync(dirname(join(root, 'dist', path)), { recursive: true });
  copyFileSync(join(root, path), join(root, 'dist', path));
}

const inputs = [
  fileURLToPath(import.meta.url),
  join(root, 'src/dashboard/document.ts'),
  ...readdirSync(folder).map((name) => join(folder, name)),
];
const changedMs = Math.max(...inputs.map((path) => statSync(path).mtimeMs));
if (!existsSync(target) || statSync(target).mtimeMs < changedMs) build();

function build() {
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
    .replace('<!-- style -->', () => `<style>${style()}</style>`)
    .replace('<!-- script -->', () => `<script type="module">${script()}</script>`)
    .replace(/^ +/gm, '');
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, `export const HTML = ${JSON.stringify(html)};\n`);
}

function style() {
  return readFileSync(join(folder, 'style.css'), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s*\n\s*/g, '\n')
    .trim();
}

function script() {
  const { options, fileNames, errors } = ts.getParsedCommandLineOfConfigFile(
    join(folder, 'tsconfig.json'),
    {},
    host(),
  );
  refuse([...errors, ...ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options))]);
  const { outputFiles } = buildSync({
    entryPoints: [join(folder, 'main.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    write: false,
    alias: platform(),
  });
  const [{ text }] = outputFiles;
  if (text.includes('</script')) throw new Error('A script in a page must not have its own end in it.');
  return text.trim();
}

/** What package.json names for browsers, as sources: the page is made before the rest is built, or after. */
function platform() {
  const { imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.fromEntries(
    Object.entries(imports).map(([name, { browser }]) => [
      name.replace('/*', ''),
      join(root, browser.replace('./dist/', '').replace('/*.js', '').replace(/\.js$/, '.ts')),
    ]),
  );
}

function host() {
  return { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => refuse([diagnostic]) };
}

function refuse(diagnostics) {
  if (diagnostics.length === 0) return;
  const format = {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  };
  console.error(ts.formatDiagnostics(diagnostics, format));
  process.exit(1);
}
