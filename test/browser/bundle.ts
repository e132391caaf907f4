import { join } from 'node:path';
import { build, type OutputFile, type Plugin } from 'esbuild';
import { projectRoot } from '../helpers/shared.js';

const BROWSER = join(projectRoot, 'dist/src/browser/index.js');

/** A program for a browser, and what it is called by when it imports the package. */
const own: Plugin = {
  name: 'blockferry',
  setup(build) {
    build.onResolve({ filter: /^blockferry\/browser$/ }, () => ({ path: BROWSER }));
  },
};

/** Leaves out what is only loaded when it is used; each run uses the rest. */
const usedOnly: Plugin = {
  name: 'used-only',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : null,
    );
  },
};

/**
 * Bundles a program as a host would for browsers: nothing is put in the place of what Node has.
 *
 * @param program - its text.
 * @param options - `isWhole`: with what is loaded only when it is used. Default yes.
 */
export async function bundled(
  program: string,
  { isWhole = true, conditions = [] as readonly string[] } = {},
): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: projectRoot },
    bundle: true,
    platform: 'browser',
    conditions: [...conditions],
    format: 'esm',
    minify: true,
    write: false,
    logLevel: 'silent',
    plugins: isWhole ? [own] : [own, usedOnly],
  });
  const [output] = outputFiles as [OutputFile];
  return output.text;
}
