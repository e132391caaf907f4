import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { verifyChain } from '../../../src/chain/verify-chain.js';
import { type Chain, isSyncError, openChain } from '../../../src/index.js';
import { sealedJson } from '../../../plugins/chain-sealed-json/index.js';
import { countBlocks } from '../prune-state.js';
import { Missed, must, type Row, type Scale } from '../row.js';
import type { Running, Site } from '../site.js';

const PROGRAM = fileURLToPath(new URL('../prune-process.js', import.meta.url));

/** The program prunes all but so many blocks. */
const KEPT = 1200;

/** What was said to be durable last, and whether a prune was under way. */
interface Said {
  readonly head: number;
  readonly base: number;
  readonly isPruning: boolean;
}

async function kills(site: Site, scale: Scale, how: string): Promise<readonly string[]> {
  const location = site.path('node');
  const [least, leastPruning] = [scale.pick(40, 3), scale.pick(20, 1)];
  let rounds = 0;
  let pruning = 0;
  let base = 0;
  let head = -1;
  // How long dropping takes is the machine's, so kills go on until enough of them came while it lasted.
  for (; rounds < least || pruning < leastPruning; rounds++) {
    must(rounds < 10 * least, `of ${rounds} kills ${pruning} came while blocks were being dropped`);
    const program = site.spawn([process.execPath, PROGRAM, location, how]);
    // Each life prunes once at least, and is ended when it does so again, or a little later.
    const lines = killedWhenPruning(program, 2 + (rounds % 3), ((rounds * 7) % 40) - 20);
    const { signal, errors } = await program.ended;
    must(signal === 'SIGKILL', `the program ended by itself: ${errors}`);
    const said = saidLast(lines);
    pruning += said.isPruning ? 1 : 0;
    ({ base, head } = await check(location, said));
  }
  return [
    `${rounds} kills, ${pruning} of them while blocks were being dropped: the store begins at block ${base} and ends at ${head}; 0 acknowledged blocks lost, state as replayed`,
  ];
}

/** Kills a program that begins to prune for the nth time, at once where the wait is not above zero. @returns what it says, to its end */
function killedWhenPruning({ child }: Running, nth: number, waitMs: number): readonly string[] {
  const lines: string[] = [];
  if (child.stdout === null) return lines;
  const kill = (): boolean => child.kill('SIGKILL');
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    if (lines.filter((said) => said.startsWith('pruning')).length !== nth || !line.startsWith('pruning'))
      return;
    if (waitMs > 0) setTimeout(kill, waitMs);
    else kill();
  });
  return lines;
}

function saidLast(lines: readonly string[]): Said {
  const [what, head, base] = lines.at(-1)?.split(' ') ?? [];
  return { head: Number(head), base: Number(base), isPruning: what === 'pruning' };
}

/** Reads all that there is. @throws Missed */
async function check(
  location: string,
  said: Said,
): Promise<{ readonly base: number; readonly head: number }> {
  const chain = await openAgain(location);
  try {
    const { base, head, finalized } = chain.tip();
    const height = head?.height ?? -1;
    must(height >= said.head, `block ${said.head} was acknowledged, the store ends at ${height}`);
    must(base >= said.base && base % 1024 === 0, `the store began at ${said.base}, and begins at ${base}`);
    must(
      base === 0 || height - base + 1 >= KEPT,
      `of ${KEPT} blocks that were to stay, ${height - base + 1} are there`,
    );
    must(base === 0 || finalized?.height === base, `block ${base} is not final`);
    let verified = 0;
    for await (const { blocks } of verifyChain(chain, sealedJson().create(), {})) verified += blocks;
    must(verified === height - base + 1, `${verified} blocks from ${base} to ${height}`);
    must((await chain.header(base - 1)) === null, `block ${base - 1} is there still`);
    const blocks = await chain.getState('accounts', 'blocks');
    must(blocks === height + 1, `the state is that of ${String(blocks)} blocks, the head is ${height}`);
    return { base, head: height };
  } finally {
    await chain.close();
  }
}

async function openAgain(location: string): Promise<Chain> {
  const storage = { use: 'leveldb', location } as const;
  try {
    return await openChain({ storage, stateTransition: countBlocks });
  } catch (error) {
    throw isSyncError(error) ? new Missed(`the store does not open: ${error.message}`) : error;
  }
}

export const pruneKill: Row = {
  name: 'prune-kill',
  group: 'crash',
  fault:
    'a program that adds blocks and drops old ones is killed (SIGKILL) again and again, mostly while it drops them',
  bar: 'after each of 40 kills the store opens, begins at a multiple of 1,024 at or above the last base that was acknowledged, has each block from there to the head, and the state of a clean replay',
  needs: [],
  inSlice: true,
  limitSeconds: 600,
  run: (site, scale) => kills(site, scale, ''),
  control: {
    broken: 'a store that removes the files of old blocks before the base moves',
    needs: [],
    run: (site, scale) => kills(site, scale, 'files-first'),
  },
};
