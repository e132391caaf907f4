import { commandsOf, writeFiles } from './pages.js';
import type { Row } from './row.js';
import { asHere } from './site.js';

const PAGE = 'docs/hosts.md';
const JESTS = ['30', '29'];

/** The test of docs/hosts.md in each test runner, and the program in CommonJS. */
export const runners: Row = {
  name: 'runners',
  packages: () => [
    ...['express', 'vitest'].map(asHere),
    ...['@swc/core@1', '@swc/jest@0.2', '@babel/core@7', '@babel/preset-env@7'],
  ],
  async run(site, tell) {
    const commands = commandsOf(writeFiles(site, PAGE), 'test:hosts').flatMap(({ code }) => code.split('\n'));
    const isJest = (command: string): boolean => command.includes('jest ');
    const attempt = async (what: string, command: string): Promise<void> => {
      const { status, output } = await site.bash(command, { FORCE_COLOR: '0', NO_COLOR: '1' });
      const passed = status === 0 && /^(?:function function|.*\b1 passed\b.*)$/m.test(output);
      tell({ what, wrong: passed ? null : output.slice(-1500), note: '' });
    };
    await attempt('require() from CommonJS', 'node app.cjs');
    for (const command of commands.filter((each) => !isJest(each))) await attempt(command, command);
    for (const version of JESTS) {
      await site.add(`jest@${version}`, `babel-jest@${version}`);
      for (const command of commands.filter(isJest)) await attempt(`Jest ${version}: ${command}`, command);
    }
  },
};
