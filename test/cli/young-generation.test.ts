import { execFileSync } from 'node:child_process';
import test from 'ava';

const MODULE = new URL('../../src/cli/young-generation.js', import.meta.url).href;
const LOAD = `
  const kept = [];
  for (let i = 0; i < 1_000_000; i++) {
    kept.push({ i, more: [i] });
    if (kept.length > 50_000) kept.splice(0, 25_000);
  }
  const { getHeapSpaceStatistics } = await import('node:v8');
  console.log(getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size);
`;

/** Size of the room for new objects after a load that lets it grow, in MiB. */
function sizeAfterLoad(isKeptSmall: boolean, ...options: readonly string[]): number {
  const call = `(await import('${MODULE}')).keepYoungGenerationSmall();`;
  const script = isKeptSmall ? call + LOAD : LOAD;
  const output = execFileSync(process.execPath, [...options, '--input-type=module', '--eval', script]);
  return Number(output.toString()) / 2 ** 20;
}

test('the room for new objects does not grow, unless Node was told how large it may be', (t) => {
  t.true(sizeAfterLoad(false) > 8, 'the load lets it grow');
  t.true(sizeAfterLoad(true) <= 4);
  t.true(sizeAfterLoad(true, '--max-semi-space-size=8') > 8);
});
