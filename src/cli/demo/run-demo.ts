import { generateKeyFile } from '../../../plugins/signer-secp256k1/index.js';
import { SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import { openPlanned } from '../../open-chain.js';
import { storePlan } from '../options.js';
import type { Reporter } from '../reporter.js';
import type { CommandContext } from '../run-command.js';
import { bytesText } from '../units.js';
import { makeChain } from './make-chain.js';
import type { NodeProcess } from './node-process.js';
import { Stage } from './stage.js';
import { LEDGER_MODULE, type StateDigest, stateDigest } from './state-digest.js';
import { followImport, followSync, serverUrl } from './watch.js';

const BLOCKS = 400;
const SERVE = ['--port', '0', '--json', '--metrics'];
/** The second node is killed at its first commit from this height on: a quarter, as it goes on while it is being killed. */
const KILL_AT = BLOCKS / 4;
/** On a machine that is very busy the node may be done before it is killed; then it starts anew. */
const KILL_ATTEMPTS = 5;

/** A chain, a server, a node that is killed and resumed, and a comparison: each step in words and with figures. */
export async function runDemo({ out, signal, conclude }: CommandContext): Promise<void> {
  const stage = await Stage.open(signal);
  try {
    const bytes = await step(
      out,
      'make',
      `1. Node A makes ${BLOCKS} blocks, each with about 97 kB of synthetic patient records.`,
      () => makeChain(stage.store('a'), BLOCKS, { out, signal }),
    );
    const { publicKey } = await generateKeyFile(stage.store('key'));
    const server = await serve(stage, out, bytes);
    const killedAt = await syncAndKill(stage, out, server.url);
    const resumedBlocks = await resume(stage, out, server.url, killedAt);
    await takeSnapshot(stage, out, server.url, publicKey);
    await stop(server.node);
    const sha256 = await compare(stage, out);
    const state = await compareStates(stage, out);
    conclude(
      { blocks: BLOCKS, bytes, killedAt, resumedBlocks, sha256, state },
      'All as it should be; the temporary folder is removed.',
    );
  } catch (error) {
    throwIfAborted(signal);
    throw error;
  } finally {
    await stage.close();
  }
}

async function step<T>(out: Reporter, name: string, text: string, run: () => Promise<T>): Promise<T> {
  out.emit({ type: 'step', step: name, text });
  return run();
}

async function serve(
  stage: Stage,
  out: Reporter,
  bytes: number,
): Promise<{ readonly node: NodeProcess; readonly url: string }> {
  const node = stage.start(
    'node A',
    'serve',
    '--data',
    stage.store('a'),
    ...SERVE,
    '--key',
    stage.store('key'),
  );
  const url = await serverUrl(node);
  const text = `2. Node A serves them, ${bytesText(bytes)}, at ${url}/sync, in a process of its own.`;
  return step(out, 'serve', text, () => {
    note(out, 'serve', `Its metrics are at ${url}/sync/metrics.`);
    return Promise.resolve({ node, url });
  });
}

/**
 * A third node begins with what node A has signed.
 *
 * @throws SyncError when blocks came another way
 */
async function takeSnapshot(stage: Stage, out: Reporter, url: string, publicKey: string): Promise<void> {
  const text = '5. Node C begins with a snapshot of blocks and state, which node A makes and signs.';
  await step(out, 'snapshot', text, async () => {
    const place = ['--peer', url, '--data', stage.store('c'), '--mode', 'snapshot', '--trust', publicKey];
    const node = stage.start('node C', 'sync', ...place, '--state', LEDGER_MODULE, '--json');
    const { imported, bytes } = await followImport(node, out);
    await node.succeeded();
    if (imported !== BLOCKS) throw wrong(`Node C imported ${imported} blocks where ${BLOCKS} were due.`);
    note(out, 'snapshot', `It is ready with ${bytesText(bytes)} fetched; no block came another way.`);
  });
}

/** The same command at the start and after the kill. */
function startSync(stage: Stage, url: string): NodeProcess {
  const place = ['--peer', url, '--data', stage.store('b')];
  return stage.start('node B', 'sync', ...place, '--state', LEDGER_MODULE, '--json');
}

/** @returns the newest height in the killed node's store. */
async function syncAndKill(stage: Stage, out: Reporter, url: string): Promise<number> {
  const text = '3. Node B syncs from node A, and is killed (SIGKILL) in the middle of it.';
  return step(out, 'sync', text, async () => {
    for (let attempt = 1; attempt <= KILL_ATTEMPTS; attempt++) {
      const height = await killedHeight(stage, out, url);
      if (height < BLOCKS - 1) {
        note(out, 'sync', `Killed; its store is whole and stands at block ${height}.`);
        return height;
      }
      await stage.clear('b');
    }
    throw wrong(`Node B was done before it could be killed, ${KILL_ATTEMPTS} times.`);
  });
}

async function killedHeight(stage: Stage, out: Reporter, url: string): Promise<number> {
  const node = startSync(stage, url);
  const { stoppedAt, shown } = await followSync(node, out, KILL_AT);
  await node.end('SIGKILL');
  if (stoppedAt === null) await node.succeeded();
  const height = await storedHeight(stage.store('b'));
  if (shown !== null) out.emit({ ...shown, height });
  if (stoppedAt !== null && height < stoppedAt) {
    throw wrong(`Node B lost blocks: it had ${stoppedAt}, its store has ${height}.`);
  }
  return height;
}

/** @returns how many blocks the second run fetched. */
async function resume(stage: Stage, out: Reporter, url: string, killedAt: number): Promise<number> {
  return step(out, 'resume', '4. Node B is started again with the same command.', async () => {
    const node = startSync(stage, url);
    const { blocks } = await followSync(node, out, null);
    await node.succeeded();
    const due = BLOCKS - 1 - killedAt;
    if (blocks !== due) throw wrong(`Node B fetched ${blocks} blocks where ${due} were missing.`);
    note(
      out,
      'resume',
      `It went on at block ${killedAt + 1} and fetched only the ${blocks} that were missing.`,
    );
    return blocks;
  });
}

async function stop(node: NodeProcess): Promise<void> {
  const code = await node.end('SIGTERM');
  // Deno says of each child that was sent a signal that it died of that.
  if (code === null && 'deno' in process.versions) return;
  if (code !== 0) throw wrong(`Node A stopped with the status ${String(code)}.`);
}

/** @returns the SHA-256 of the exports. */
async function compare(stage: Stage, out: Reporter): Promise<string> {
  return step(out, 'compare', '6. The three stores are exported and compared.', async () => {
    const hashes = ['a', 'b', 'c'].map((name) =>
      stage.start(`export of node ${name.toUpperCase()}`, 'export', '--data', stage.store(name)).outputHash(),
    );
    const [a, ...others] = await Promise.all(hashes);
    if (a === undefined || others.some((other) => other !== a))
      throw wrong(`The exports differ: SHA-256 ${[a, ...others].join(', ')}.`);
    note(out, 'compare', `Byte for byte the same: SHA-256 ${a}.`);
    return a;
  });
}

/** @returns the state that all came to. */
async function compareStates(stage: Stage, out: Reporter): Promise<StateDigest> {
  const text = '7. Each node kept a ledger of what the blocks ask for; the three are compared.';
  return step(out, 'state', text, async () => {
    const [a, ...others] = await Promise.all([
      stateDigest(stage.store('a')),
      stateDigest(stage.store('b')),
      stateDigest(stage.store('c')),
    ]);
    const differs = others.find(({ sha256 }) => sha256 !== a.sha256);
    if (differs !== undefined) throw wrong(`The states differ: SHA-256 ${a.sha256} and ${differs.sha256}.`);
    note(out, 'state', `The same ${a.accounts} owners and ${a.contracts} records: SHA-256 ${a.sha256}.`);
    return a;
  });
}

async function storedHeight(data: string): Promise<number> {
  const chain = await openPlanned(storePlan({ data }, false));
  try {
    return chain.tip().head?.height ?? -1;
  } finally {
    await chain.close();
  }
}

function note(out: Reporter, name: string, text: string): void {
  out.emit({ type: 'step', step: name, text: `   ${text}` });
}

function wrong(message: string): SyncError {
  return new SyncError('INTERNAL', message);
}
