import { wrongIn } from './app-result.js';
import type { Row, Tried } from './row.js';
import { appText, asHere, type Site } from './site.js';

const NODES = ['20.19', '22', '24', '26'];
/** The other runtimes of npm's packages, and how they run a program. */
const OTHERS = {
  'deno@2': 'npx deno run --allow-all --node-modules-dir=manual',
  'bun@1': 'npx bun',
} as const;

/** The program of `app.ts` and the demonstration in each runtime. */
export const runtimes: Row = {
  name: 'runtimes',
  packages: () => [asHere('express')],
  async run(site, tell) {
    site.write('app.js', appText());
    for (const version of NODES) tell(await tried(site, `npx -y -p node@${version} node`));
    for (const [runtime, command] of Object.entries(OTHERS)) {
      await site.add(runtime);
      tell(await tried(site, command));
    }
  },
};

async function tried(site: Site, command: string): Promise<Tried> {
  const app = await site.bash(`${command} app.js`);
  const demo = await site.bash(`${command} node_modules/blockferry/dist/src/cli/main.js demo`);
  const wrong = [
    // A runtime need not tell of the threads that it starts.
    wrongIn(app.output, { threads: null }),
    demo.status === 0
      ? null
      : `the demonstration ended with ${demo.status ?? 'a signal'}: ${demo.output.slice(-1500)}`,
  ].filter((each) => each !== null);
  return {
    what: command,
    wrong: wrong.length === 0 ? null : wrong.join(' '),
    note: 'program, demonstration',
  };
}
