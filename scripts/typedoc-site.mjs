// What TypeDoc is told beyond its options: the names by which modules are imported, and the guides' titles, places and kinds.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Application, Converter, ReflectionKind } from 'typedoc';

/** The guides by what they are for, in the order in which they are read. One that is missing here fails the build. */
const GUIDES = {
  'Getting started': ['embedding', 'snapshots', 'dashboard', 'bundling', 'hosts', 'browser', 'faq'],
  'Chains and plugins': [
    'chains',
    'chain-fabric',
    'chain-cometbft',
    'chain-bitcoin',
    'codecs',
    'writing-plugins',
    'testing',
  ],
  'Running it': ['operations', 'retention', 'scaling', 'postgres', 'errors', 'faults'],
  'How it works': ['architecture', 'protocol', 'benchmarks'],
};

const CATEGORIES = new Map(
  Object.entries(GUIDES).flatMap(([category, names]) => names.map((name) => [name, category])),
);

const ORDER = [...CATEGORIES.keys()];

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.on(Application.EVENT_BOOTSTRAP_END, () => app.options.setValue('entryPoints', entryPoints()));
  const guides = new Map();
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Module)) reflection.name = importName(reflection.name);
  });
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const guide = basename(document.name, '.md');
    const category = CATEGORIES.get(guide);
    if (category === undefined) {
      app.logger.error(`The guide ${guide} has no place in scripts/typedoc-site.mjs.`);
      return;
    }
    document.content = plainHeadings(document.content);
    document.name = titleOf(document.content) ?? guide;
    document.frontmatter.category = category;
    guides.set(document, ORDER.indexOf(guide));
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const place = (reflection) => guides.get(reflection) ?? ORDER.length;
    for (const { children } of project.categories ?? []) children.sort((a, b) => place(a) - place(b));
  });
}

/** A program of a thread, which exports nothing. */
const WORKER = './worker';

/** The sources of what the manifest exports. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return Object.entries(exports).flatMap(([name, { default: built }]) =>
    built === undefined || name === WORKER ? [] : built.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts'),
  );
}

/** `src/server/express` is imported as `blockferry/express`. */
function importName(path) {
  const own = path.replace(/^src(?:\/server)?(?:\/|$)/, '').replace(/\/?index$/, '');
  return own === '' ? 'blockferry' : `blockferry/${own}`;
}

/** TypeDoc leaves code out of the names of headings, by which guides refer to each other; other readers of Markdown do not. */
function plainHeadings(content) {
  let line = '';
  return content.map((part) => {
    const isOfHeading = part.kind === 'code' && line.startsWith('#');
    line = (line + part.text).split('\n').at(-1) ?? '';
    return isOfHeading ? { kind: 'text', text: part.text.replaceAll('`', '') } : part;
  });
}

/** The first heading, which is also the first text of a guide. */
function titleOf(content) {
  return /^# (.+)$/m.exec(content.map(({ text }) => text).join(''))?.[1] ?? null;
}
