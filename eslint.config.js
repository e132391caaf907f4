// @ts-check
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const no = (group, message) => ({ group, message });
const nodeModules = no(['node:*'], 'What differs by platform is injected here.');
const pluginsOut = no(['**/plugins/**'], 'Only the default registry knows the plugins.');
const container = no(['tsyringe', 'reflect-metadata'], 'Only src/di touches the container.');
const pluginsSee = no(
  [
    '**/src/chain/**',
    '**/src/engine/**',
    '**/src/config/**',
    '**/src/server/**',
    '**/src/di/**',
    '**/src/cli/**',
  ],
  'Plugins see contracts, errors, internal and tiles.',
);
const clientSees = (other) =>
  no(
    [`**/${other}/**`, '**/chain/**', '**/engine/**', '**/server/**', '**/di/**', '**/cli/**'],
    'The HTTP clients know nothing of each other, nor of who uses them; what they share is in src/internal/node.',
  );
const rawConfig = no(
  ['**/config/types.js'],
  'What a host passes is read in src/config and nowhere else; take the plan.',
);
const restrict = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

const classOfErrors = {
  selector: "BinaryExpression[operator='instanceof'][right.name='SyncError']",
  message: 'Use isSyncError: an error may be of another copy of the package.',
};
const ownListener = {
  selector: "CallExpression[callee.property.name='addEventListener'][arguments.0.value='abort']",
  message: 'Use onAbort or LinkedAbort, which remove the listener as well.',
};
const ownWrite = {
  selector: "CallExpression[callee.property.type='Identifier'][callee.property.name='write']",
  message: 'What is printed goes through src/cli/terminal.ts, which escapes what a terminal would obey.',
};
const restrictSyntax = (...kinds) => ({ 'no-restricted-syntax': ['error', ...kinds] });

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'temp/', 'docs/reference/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      complexity: ['error', 10],
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  { files: ['**/*.ts'], ignores: ['src/errors/**/*.ts'], rules: restrictSyntax(classOfErrors) },
  {
    files: ['src/**/*.ts', 'plugins/**/*.ts'],
    ignores: ['src/errors/**/*.ts', 'src/internal/abort.ts'],
    rules: restrictSyntax(classOfErrors, ownListener),
  },
  {
    files: ['src/cli/**/*.ts'],
    ignores: ['src/cli/terminal.ts'],
    rules: restrictSyntax(classOfErrors, ownListener, ownWrite),
  },
  { files: ['src/**/*.ts'], rules: restrict(pluginsOut, container, rawConfig) },
  // Where it is read, and where its types are those of what hosts call.
  {
    files: ['src/config/**/*.ts', 'src/index.ts', 'src/create-engine.ts', 'src/open-chain.ts'],
    rules: restrict(pluginsOut, container),
  },
  // Made of parts by hand: the container is not for browsers.
  {
    files: ['src/browser/**/*.ts', 'src/dashboard/page/**/*.ts'],
    rules: restrict(
      nodeModules,
      container,
      rawConfig,
      no(['**/internal/node/**', '**/server/**', '**/cli/**'], 'Browsers have nothing of Node.'),
    ),
  },
  {
    files: ['src/contracts/**/*.ts'],
    rules: restrict(
      nodeModules,
      pluginsOut,
      container,
      no(['../*'], 'Contracts import nothing but each other.'),
    ),
  },
  {
    files: ['src/errors/**/*.ts', 'src/internal/**/*.ts'],
    rules: restrict(
      nodeModules,
      pluginsOut,
      container,
      no(
        ['**/chain/**', '**/engine/**', '**/config/**', '**/server/**', '**/di/**', '**/cli/**'],
        'Dependencies point towards contracts and errors.',
      ),
    ),
  },
  // What needs Node and is shared by rooms that have it.
  {
    files: ['src/internal/node/**/*.ts'],
    rules: restrict(
      pluginsOut,
      container,
      no(
        ['**/chain/**', '**/engine/**', '**/config/**', '**/server/**', '**/di/**', '**/cli/**'],
        'Dependencies point towards contracts and errors.',
      ),
    ),
  },
  {
    files: ['src/tiles/**/*.ts'],
    rules: restrict(
      pluginsOut,
      container,
      no(
        ['**/chain/**', '**/engine/**', '**/config/**', '**/server/**', '**/di/**', '**/cli/**'],
        'Dependencies point towards contracts and errors.',
      ),
    ),
  },
  {
    files: ['src/chain/**/*.ts'],
    rules: restrict(
      nodeModules,
      pluginsOut,
      container,
      no(['**/engine/**', '**/server/**', '**/di/**', '**/cli/**'], 'The chain knows no engine.'),
      no(['**/config/**'], 'Settings come from outside.'),
    ),
  },
  {
    files: ['src/engine/**/*.ts'],
    rules: restrict(
      nodeModules,
      pluginsOut,
      container,
      no(['**/server/**', '**/di/**', '**/cli/**'], 'The engine knows no server.'),
      no(['**/config/**'], 'Settings come from outside.'),
    ),
  },
  {
    files: ['src/http1-client/**/*.ts'],
    rules: restrict(pluginsOut, container, clientSees('http2-client')),
  },
  {
    files: ['src/http2-client/**/*.ts'],
    rules: restrict(pluginsOut, container, clientSees('http1-client')),
  },
  {
    files: ['src/server/**/*.ts'],
    rules: restrict(pluginsOut, container, rawConfig, no(['**/cli/**'], 'The server knows no command line.')),
  },
  {
    files: ['src/di/**/*.ts'],
    rules: restrict(rawConfig, no(['**/cli/**', '**/server/express.js'], 'The container knows no adapter.')),
  },
  { files: ['src/cli/**/*.ts', 'src/testing/**/*.ts', 'src/api-surface.ts'], rules: restrict(container) },
  {
    files: ['plugins/**/*.ts'],
    rules: restrict(container, pluginsSee),
  },
  {
    files: ['plugins/transport-*/client/**/*.ts'],
    rules: restrict(container, pluginsSee, no(['**/server/**'], 'The two halves meet on the wire only.')),
  },
  {
    files: ['plugins/transport-*/server/**/*.ts'],
    rules: restrict(container, pluginsSee, no(['**/client/**'], 'The two halves meet on the wire only.')),
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', 'scripts/**/*.ts'],
    rules: { 'no-console': 'off', 'max-lines-per-function': 'off', 'no-restricted-imports': 'off' },
  },
);
