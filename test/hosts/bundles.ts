import { join } from 'node:path';
import { type CodeBlock, readMarkdown } from '../../scripts/docs/markdown.js';
import { projectRoot } from '../helpers/shared.js';
import { wrongIn } from './app-result.js';
import type { Row, Tried } from './row.js';
import { appText, asHere, type Site } from './site.js';

const PAGE = 'docs/bundling.md';
/** Blocks of the page that this runs. */
const RUN_HERE = 'no-run: test:bundles runs it';
const WITHOUT_THREADS = `${RUN_HERE}, without threads`;

/** Each command of docs/bundling.md, and the bundle that it makes. */
export const bundles: Row = {
  name: 'bundles',
  packages: () => [
    ...['express', 'esbuild', 'rollup'].map(asHere),
    '@rollup/plugin-node-resolve@16.0.3',
    '@rollup/plugin-commonjs@29.0.3',
    '@rollup/plugin-json@6.1.0',
    'webpack@5.113.0',
    'webpack-cli@7.3.1',
  ],
  async run(site, tell) {
    const { blocks } = readMarkdown(join(projectRoot, PAGE), PAGE);
    site.write('app.js', appText());
    for (const { language, info, code } of blocks) {
      if (language === 'js' && info !== '') site.write(info, code);
    }
    const commands = blocks.filter(({ language, info }) => language === 'sh' && info.startsWith(RUN_HERE));
    for (const command of commands) tell(await tried(site, command));
  },
};

async function tried(site: Site, { info, line, code }: CodeBlock): Promise<Tried> {
  const { status, output } = await site.bash(`rm -rf dist\n${code}`);
  const threads = info !== WITHOUT_THREADS;
  const failed = status === 0 ? null : `it ended with ${status ?? 'a signal'}: ${output.slice(-3000)}`;
  return {
    what: `${PAGE}:${line} ${/^npx .{0,50}/m.exec(code)?.[0] ?? ''}`,
    wrong: failed ?? wrongIn(output, { threads }),
    note: threads ? 'on threads' : 'without threads, one warning',
  };
}
