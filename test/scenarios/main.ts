import { agreement } from './agreement.js';
import { chains } from './chains.js';
import { blackHole } from './black-hole.js';
import { droppedLine } from './dropped-line.js';
import { forks } from './forks.js';
import { h2load } from './h2load.js';
import { chainRates } from './chain-rates.js';
import { bombs } from './bombs/scenario.js';
import { liars } from './liars.js';
import { nginx } from './nginx/scenario.js';

/** `npm run scenarios -- NAME…|all`: real processes, sockets and faults; minutes long, some as root only. */
const SCENARIOS: Readonly<Record<string, () => Promise<void>>> = {
  forks,
  'dropped-line': droppedLine,
  'black-hole': blackHole,
  liars,
  nginx,
  h2load,
  bombs,
  agreement,
  chains,
  'chain-rates': chainRates,
};

const wanted = process.argv.slice(2);
const names = wanted.includes('all') ? Object.keys(SCENARIOS) : wanted;
if (names.length === 0) console.log(`npm run scenarios -- all|${Object.keys(SCENARIOS).join('|')}`);
for (const name of names) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new TypeError(`There is no scenario ${name}.`);
  console.log(`## ${name}`);
  await scenario();
}
process.exit();
