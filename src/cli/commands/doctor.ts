import { Command, Option } from 'commander';
import { DEFAULT_TRANSPORT_LIMITS } from '../../config/limits.js';
import type { Peer, SnapshotType, TrustOptions } from '../../contracts/index.js';
import { type ConnectionSettings, createHttp1Client } from '../../http1-client/index.js';
import { WANTED_SNAPSHOT_TYPE } from '../../internal/snapshot-types.js';
import { type ConnectionArguments, connectionOptions, reach } from '../connection-options.js';
import { findingLines, type Finding } from '../doctor/check.js';
import { checkPeer } from '../doctor/peer-checks.js';
import { checkSigners, type SignerCheck } from '../doctor/signer-checks.js';
import { checkStore } from '../doctor/store-checks.js';
import { UsageError } from '../exit.js';
import { choiceOf, OPTION, peersOf } from '../options.js';
import { type CommandContext, runCommand } from '../run-command.js';
import { requiredTrust, signatureScheme, TRUST_OPTION, trustConfig, type TrustArguments } from '../trust.js';
import { openSnapshotClient } from './snapshot/client.js';

const EXAMPLES = `
Looks at each peer (whether it can be reached, its clock, whether its streams come through, whose word its snapshot is) and at the
store (whether it opens, the room on its disk), and says the way out of what is wrong. Ends with 1 when something has failed.

Examples:
  $ blockferry doctor --peer https://a.example --header-file ./headers
  $ blockferry doctor --peer https://a.example --trust 02ab… 03cd… --threshold 2
  $ blockferry doctor --data ./node-a`;

interface DoctorOptions extends ConnectionArguments, TrustArguments {
  readonly data?: string;
  readonly peer?: readonly Peer[];
  readonly snapshotType: SnapshotType;
  readonly json?: boolean;
}

/** `blockferry doctor`. */
export function command(): Command {
  const command = new Command('doctor')
    .addOption(new Option('--data <dir>', 'directory of a store'))
    .addOption(
      new Option('--peer <url>', 'address of a server; may be given several times').argParser(peersOf),
    )
    .addOption(TRUST_OPTION.trust())
    .addOption(TRUST_OPTION.threshold())
    .addOption(TRUST_OPTION.hash())
    .addOption(choiceOf(WANTED_SNAPSHOT_TYPE, '--snapshot-type <type>', 'which snapshot whose signers count'))
    .addOption(OPTION.json())
    .addHelpText('after', EXAMPLES)
    .action((options: DoctorOptions) => runCommand(options, (context) => doctor(options, context)));
  for (const option of connectionOptions()) command.addOption(option);
  return command;
}

async function doctor(options: DoctorOptions, context: CommandContext): Promise<void> {
  const { data, peer = [] } = options;
  if (data === undefined && peer.length === 0) throw new UsageError('Give --data or --peer.');
  const trust = trustConfig(options) === null ? null : requiredTrust(options);
  if (trust !== null && peer.length === 0)
    throw new UsageError('Whom to trust is for snapshots of a --peer.');
  const findings = [
    ...(await peerFindings(peer, { options, trust }, context)),
    ...(data === undefined ? [] : await checkStore(data)),
  ];
  const checks = findings.map(({ what, state, text, action }) => ({ what, state, text, action }));
  context.conclude({ checks }, findings.flatMap(findingLines));
  const [first] = findings.flatMap(({ error }) => error ?? []);
  if (first !== undefined) throw first;
}

async function peerFindings(
  addresses: readonly Peer[],
  { options, trust }: { readonly options: DoctorOptions; readonly trust: TrustOptions | null },
  { out, signal }: CommandContext,
): Promise<readonly Finding[]> {
  const limits = DEFAULT_TRANSPORT_LIMITS;
  const { peers, connection } = await reach(addresses, options, out);
  const http = createHttp1Client(limits, connection);
  try {
    const found: Finding[] = [];
    for (const peer of peers)
      found.push(...(await checkPeer({ fetch: http.fetch, limits }, peer, connection, signal)));
    if (trust !== null) {
      const check = { trust, type: options.snapshotType };
      found.push(...(await signerFindings(peers, check, connection, signal)));
    }
    return found;
  } finally {
    await http.close();
  }
}

async function signerFindings(
  peers: readonly Peer[],
  check: Omit<SignerCheck, 'scheme'>,
  connection: ConnectionSettings,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const client = await openSnapshotClient(connection);
  try {
    const scheme = await signatureScheme();
    const found: Finding[] = [];
    for (const peer of peers) found.push(await checkSigners(client, peer, { ...check, scheme }, signal));
    return found;
  } finally {
    await client.close();
  }
}
