import { spawnSync } from 'node:child_process';

/** Two network namespaces with a line between them. */
export interface Line {
  readonly server: string;
  readonly client: string;
  /** Address that the server listens at. */
  readonly host: string;
}

const HOST = '10.213.77.1';
const CLIENT = '10.213.77.2';

/** Why no line can be made here; `null` when one can. */
export function lineUnavailable(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'only root may make network namespaces';
  const missing = ['ip', 'tc'].filter((name) => spawnSync(name, ['-V'], { stdio: 'ignore' }).status !== 0);
  return missing.length === 0 ? null : `${missing.join(' and ')} (iproute2) is not installed`;
}

/**
 * Makes a line on which a server's bytes go at `mbit` million bits a second (a token bucket: tc-tbf(8)), and takes it
 * away after its use.
 */
export async function withLine<T>(mbit: number, use: (line: Line) => Promise<T>): Promise<T> {
  const [server, client] = [`ferry-server-${process.pid}`, `ferry-client-${process.pid}`];
  try {
    run(`ip netns add ${server}`);
    run(`ip netns add ${client}`);
    run(`ip -n ${server} link add line type veth peer name line netns ${client}`);
    for (const [namespace, address] of [
      [server, HOST],
      [client, CLIENT],
    ] as const) {
      run(`ip -n ${namespace} address add ${address}/24 dev line`);
      run(`ip -n ${namespace} link set lo up`);
      run(`ip -n ${namespace} link set line up`);
    }
    run(`tc -n ${server} qdisc add dev line root tbf rate ${mbit}mbit burst 32kbit latency 400ms`);
    return await use({ server, client, host: HOST });
  } finally {
    for (const namespace of [server, client])
      spawnSync('ip', ['netns', 'delete', namespace], { stdio: 'ignore' });
  }
}

function run(command: string): void {
  const [program = '', ...args] = command.split(' ');
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr.trim()}`);
}
