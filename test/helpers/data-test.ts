import test, { type ExecutionContext } from 'ava';
import { sharedPath } from './shared.js';

/**
 * Registers a test that reads a file of the shared data or vectors. Where the file is missing the test is skipped and
 * its title says why.
 */
export function dataTest(
  title: string,
  path: string,
  run: (t: ExecutionContext, file: string) => unknown,
): void {
  const file = sharedPath(path);
  if (file === null) test.skip(`${title} (skipped: ${path} is not on this machine)`, () => undefined);
  else
    test(title, async (t) => {
      await run(t, file);
    });
}
