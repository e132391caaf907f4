import type { CodeBlock } from '../../scripts/docs/markdown.js';
import { wrongIn } from './app-result.js';
import { commandsOf, writeFiles } from './pages.js';
import type { Row, Tried } from './row.js';
import { appText, asHere, type Site } from './site.js';

const PAGE = 'docs/bundling.md';
/** How the fence of a block ends whose bundle has no threads. */
const WITHOUT_THREADS = ', without threads';

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
    site.write('app.js', appText());
    const commands = commandsOf(writeFiles(site, PAGE), 'test:bundles');
    for (const command of commands) tell(await tried(site, command));
  },
};

async function tried(site: Site, { info, line, code }: CodeBlock): Promise<Tried> {
  const { status, output } = await site.bash(`rm -rf dist\n${code}`);
  const threads = !info.endsWith(WITHOUT_THREADS);
  const failed = status === 0 ? null : `it ended with ${status ?? 'a signal'}: ${output.slice(-3000)}`;
  return {
    what: `${PAGE}:${line} ${/^npx .{0,50}/m.exec(code)?.[0] ?? ''}`,
    wrong: failed ?? wrongIn(output, { threads }),
    note: threads ? 'on threads' : 'without threads, one warning',
  };
}
