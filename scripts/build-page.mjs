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
  const { options, errors } = ts.getParsedCommandLineOfConfigFile(join(folder, 'tsconfig.json'), {}, host());
  const program = ts.createProgram([join(folder, 'main.ts')], { ...options, noEmit: false });
  refuse([...errors, ...ts.getPreEmitDiagnostics(program)]);
  const modules = new Map();
  program.emit(undefined, (path, text) => modules.set(moduleName(path), text), undefined, false);
  const text = linked(modules).join('\n');
  if (text.includes('</script')) throw new Error('A script in a page must not have its own end in it.');
  return text;
}

function host() {
  return { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => refuse([diagnostic]) };
}

function moduleName(path) {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The modules behind each other, each after those that it imports: one scope, in which no name may occur twice. */
function linked(modules) {
  const owners = new Map();
  const done = new Set();
  const texts = [];
  const add = (name) => {
    if (done.has(name)) return;
    done.add(name);
    const source = ts.createSourceFile(
      name,
      modules.get(name),
      ts.ScriptTarget.ES2022,
      true,
      ts.ScriptKind.JS,
    );
    const kept = [];
    for (const statement of source.statements) {
      if (ts.isImportDeclaration(statement)) add(importedName(statement));
      else kept.push(withoutExport(statement));
      for (const declared of namesOf(statement)) {
        const other = owners.get(declared);
        if (other !== undefined) throw new Error(`${name} and ${other} both declare ${declared}.`);
        owners.set(declared, name);
      }
    }
    texts.push(kept.join('\n'));
  };
  add('main.js');
  return texts;
}

function importedName({ moduleSpecifier, importClause }) {
  const names = importClause?.namedBindings?.elements ?? [];
  if (names.length === 0 || names.some(({ propertyName }) => propertyName !== undefined))
    throw new Error(`Modules of the page import by name, and by no other one: ${moduleSpecifier.text}.`);
  return moduleName(moduleSpecifier.text);
}

function withoutExport(statement) {
  if (ts.isExportDeclaration(statement) || ts.isExportAssignment(statement)) {
    if (statement.getText() === 'export {};') return '';
    throw new Error('Modules of the page export what they declare.');
  }
  return statement.getText().replace(/^export /, '');
}

function namesOf(statement) {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  return statement.name === undefined ? [] : [statement.name.getText()];
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
