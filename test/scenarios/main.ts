import { agreement } from './agreement.js';
import { chains } from './chains.js';
import { blackHole } from './black-hole.js';
import { buffering } from './buffering.js';
import { droppedLine } from './dropped-line.js';
import { fleet } from './fleet.js';
import { forks } from './forks.js';
import { h2load } from './h2load.js';
import { chainRates } from './chain-rates.js';
import { bombs } from './bombs/scenario.js';
import { inputs } from './inputs/scenario.js';
import { liars } from './liars.js';
import { nginx } from './nginx/scenario.js';
import { postgresCompliance } from './postgres/compliance.js';
import { postgres } from './postgres/scenario.js';
import { published } from './published.js';

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
  buffering,
  chains,
  postgres,
  'postgres-compliance': postgresCompliance,
  fleet,
  published,
  'chain-rates': chainRates,
  inputs,
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
