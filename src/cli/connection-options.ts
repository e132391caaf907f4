import { Option } from 'commander';
import { CONNECTION_OPTIONS, connectionPlan } from '../config/connection.js';
import { peer as peerReader } from '../config/peers.js';
import type { PeerConfig, SyncEngineConfig } from '../config/types.js';
import type { HeaderValue, Peer } from '../contracts/index.js';
import { exposedCredentials } from '../engine/peers/exposed-credentials.js';
import type { ConnectionSettings } from '../http1-client/index.js';
import { readOptions } from '../internal/options/index.js';
import { headerFileHeaders, parseHeader, readSmallFile } from './header-file.js';
import { filled, texts } from './options.js';
import { planned, readValue } from './planned.js';
import type { Reporter } from './reporter.js';

/** What a command was told of how to reach peers. */
export interface ConnectionArguments {
  readonly header?: readonly string[];
  readonly headerFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly tlsKey?: string;
  readonly proxy?: string;
}

/**
 * Options that say how to reach peers, spelled and explained once.
 *
 * @param keyFlag - of the key to `--cert`, where `--key` is that of something else.
 */
export function connectionOptions(keyFlag: '--key' | '--tls-key' = '--key'): readonly Option[] {
  const key = new Option(`${keyFlag} <file>`, 'private key of --cert').argParser(filled);
  // One name for it, whatever the flag.
  key.attributeName = () => 'tlsKey';
  return [
    new Option(
      '--header <name:value>',
      'header of every request to the peers; others on this machine may see it: see --header-file; may be given several times',
    ).argParser((text: string, before?: readonly string[]) => texts((parseHeader(text), text), before)),
    new Option(
      '--header-file <file>',
      'file of such headers, one a line, read anew for each request, as for a token that is rotated',
    ).argParser(filled),
    new Option('--ca <file>', 'PEM of the authorities that sign the certificates of peers').argParser(filled),
    new Option('--cert <file>', 'PEM of the certificate that this node shows to peers').argParser(filled),
    key,
    new Option(
      '--proxy <url>',
      'HTTP proxy for all requests (default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment)',
    ).argParser(filled),
  ];
}

/** What is said of a configuration by these options. @throws SyncError `INPUT_UNREADABLE`, `CREDENTIALS_UNAVAILABLE` */
export async function connectionConfig(
  options: ConnectionArguments,
): Promise<
  Pick<SyncEngineConfig, 'tls' | 'proxy'> & { readonly headers: NonNullable<PeerConfig['headers']> }
> {
  const { header = [], headerFile, ca, cert, tlsKey, proxy } = options;
  const headers: Record<string, HeaderValue> =
    headerFile === undefined ? {} : await headerFileHeaders(headerFile);
  for (const text of header) {
    const { name, value } = parseHeader(text);
    headers[name.toLowerCase()] = value;
  }
  const tls = {
    ...(ca === undefined ? {} : { ca: await readSmallFile(ca) }),
    ...(cert === undefined ? {} : { cert: await readSmallFile(cert) }),
    ...(tlsKey === undefined ? {} : { key: await readSmallFile(tlsKey) }),
  };
  return {
    headers,
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

/**
 * How a command without an engine reaches peers.
 *
 * @throws UsageError @throws SyncError `INPUT_UNREADABLE`, `CREDENTIALS_UNAVAILABLE`
 */
export async function reach(
  addresses: readonly Peer[],
  options: ConnectionArguments,
  out: Reporter,
): Promise<{ readonly peers: readonly Peer[]; readonly connection: ConnectionSettings }> {
  const { headers, ...given } = await connectionConfig(options);
  const peers = addresses.map((address) =>
    readValue(peerReader, { url: address.url, headers: { ...address.headers, ...headers } }, '--peer'),
  );
  const owner = 'blockferry';
  const connection = planned(() =>
    connectionPlan(readOptions(owner, given, CONNECTION_OPTIONS), process.env, owner),
  );
  for (const message of exposedCredentials(peers))
    out.emit({ type: 'warning', code: 'CREDENTIALS_EXPOSED', message, height: null });
  return { peers, connection };
}
