import { Command, Option } from 'commander';
import type { EnginePlan } from '../../config/engine-plan.js';
import { engineOf } from '../../create-engine.js';
import { DEFAULT_RETRY } from '../../engine/backoff.js';
import type { SyncEngine } from '../../engine/sync-engine.js';
import { integer } from '../../internal/options/index.js';
import { numberOf, OPTION, wholeNumber } from '../options.js';
import type { Front } from '../serve/front.js';
import { chainSummary, storeText } from '../chain-summary.js';
import type { Reporter } from '../reporter.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { type PeerArguments, peerOption, syncOptions, syncPlan } from '../sync-options.js';
import { bytesText, countText } from '../units.js';

/** A person waits: after this many failures in a row, and one for each further peer, a command that never worked gives up. */
const ATTEMPTS = 3;

/** The dashboard is for who sits here. */
const UI_HOST = '127.0.0.1';
const UI_PORT = 8081;

const EXAMPLES = `
Goes on where the store ends, so the same command is also how an interrupted sync is resumed. Ctrl-C and SIGTERM stop
it cleanly, with exit status 130 and 143. With --follow it goes on with new blocks until it is stopped; SIGTERM is then
the way to end it, with exit status 0. A store that is made with --state needs it whenever blocks are added.

Examples:
  $ blockferry sync --peer http://127.0.0.1:8080 --data ./node-b
  $ blockferry sync --peer https://a.example --peer https://b.example/ledger --data ./node-b --to 5000
  $ blockferry sync --peer https://a.example --data ./node-b --mode snapshot --trust 02ab… 03cd… --threshold 2
  $ blockferry sync --peer http://127.0.0.1:8080 --data ./node-b --state ./ledger.js
  $ blockferry sync --peer http://127.0.0.1:8080 --data ./node-b --follow --finality-depth 64
  $ blockferry sync --peer http://127.0.0.1:8080 --data ./node-b --producer 03ab… --producer 5000:02cd…
  $ blockferry sync --peer http://127.0.0.1:8080 --data ./node-b --follow --ui
  $ blockferry sync --peer http://127.0.0.1:8080 --data ./node-b --json`;

interface SyncOptions extends PeerArguments {
  readonly to?: number;
  readonly follow?: boolean;
  readonly giveUpAfter?: number;
  readonly ui?: boolean;
  readonly uiPort?: number;
  readonly json?: boolean;
}

/** `blockferry sync`. */
export function command(): Command {
  const command = new Command('sync')
    .addOption(peerOption('node to sync from; may be given several times').makeOptionMandatory())
    .addOption(OPTION.dataOrStore())
    .addOption(OPTION.store())
    .addOption(OPTION.chain())
    .addOption(OPTION.chainOptions())
    .addOption(OPTION.chainId())
    .addOption(OPTION.base())
    .addOption(OPTION.checkpoint())
    .addOption(OPTION.producer())
    .addOption(new Option('--to <height>', 'last height wanted (default: all)').argParser(wholeNumber))
    .addOption(new Option('--follow', 'go on with new blocks, and with forks, until stopped').conflicts('to'))
    .addOption(
      new Option(
        '--give-up-after <seconds>',
        'how long to go on trying after a peer that worked is lost (default: 300; for ever with --follow)',
      ).argParser(wholeNumber),
    )
    .addOption(new Option('--ui', 'show a dashboard to this computer while the command runs'))
    .addOption(
      new Option(
        '--ui-port <port>',
        `port of the dashboard, which it implies; 0 picks a free one (default: ${UI_PORT})`,
      ).argParser(numberOf(integer({ max: 65_535 }))),
    )
    .addOption(OPTION.maxBlockBytes())
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: SyncOptions) => {
      const { json, follow = false } = options;
      return runCommand({ json, endsByTerm: follow }, (context) => sync(options, context));
    });
  for (const option of syncOptions({ keyFlag: '--key' })) command.addOption(option);
  return command;
}

async function sync(options: SyncOptions, { out, signal, conclude }: CommandContext): Promise<void> {
  const engine = engineOf(await planOf(options));
  let imported = 0;
  const subscription = engine.events.subscribe((event) => {
    if (event.type === 'snapshot' && event.status === 'imported') imported = event.totalBlocks;
    out.emit(event);
    if (options.follow === true && event.type === 'phase' && event.phase === 'synced')
      out.emit({ type: 'step', step: 'following', text: followingText(engine) });
  });
  let front: Front | null = null;
  try {
    front = await showUi(engine, options, out);
    await engine.start({ signal });
  } finally {
    conclude({ ...resultOf(engine), imported }, summaryOf(engine, imported, options));
    subscription.unsubscribe();
    await front?.close();
    await engine.close();
  }
}

/** @returns what shows the dashboard; `null` where none is wanted */
async function showUi(
  engine: SyncEngine,
  { ui = false, uiPort }: SyncOptions,
  out: Reporter,
): Promise<Front | null> {
  if (!ui && uiPort === undefined) return null;
  // The server is loaded where it is asked for.
  const { Front, tellAddress } = await import('../serve/front.js');
  const front = new Front({ ui: true }, out);
  front.serveNothing();
  front.watch({ engine, chain: null });
  tellAddress(out, await front.listen(UI_HOST, uiPort ?? UI_PORT), { ui: true });
  return front;
}

function planOf(options: SyncOptions): Promise<EnginePlan> {
  const { to = null, follow = false, peer, giveUpAfter } = options;
  const { giveUpAfterMs } = DEFAULT_RETRY;
  const attempts = follow ? {} : { maxAttempts: ATTEMPTS + peer.length - 1, giveUpAfterMs };
  const time = giveUpAfter === undefined ? {} : { giveUpAfterMs: giveUpAfter * 1000 };
  return syncPlan(options, { to, follow, retry: { ...attempts, ...time } });
}

function resultOf(engine: SyncEngine): Record<string, unknown> {
  const { blocks, bytes } = engine.state.progress;
  const head = engine.state.checkpoint?.head ?? null;
  return { blocks, bytes, ...(engine.chain === null ? { head } : chainSummary(engine.chain)) };
}

function followingText({ chain }: SyncEngine): string {
  return `Up to date; ${storeText(chain?.tip().head ?? null)}. Following; Ctrl-C stops.`;
}

function summaryOf({ state }: SyncEngine, imported: number, { follow }: SyncOptions): string | null {
  const { blocks, bytes } = state.progress;
  const store = storeText(state.checkpoint?.head ?? null);
  if (state.phase === 'failed') return null;
  if (state.phase !== 'synced' || follow === true)
    return `Stopped: ${store}; the same command goes on from there.`;
  if (blocks === 0) return imported === 0 ? `Nothing new; ${store}.` : `Up to date; ${store}.`;
  return `Synced ${countText(blocks, 'block')} (${bytesText(bytes)} as stored); ${store}.`;
}
