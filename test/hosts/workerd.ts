import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openChain } from '../../src/index.js';
import { createSyncServer, nodeListener } from '../../src/server/index.js';
import { freePort } from '../helpers/free-port.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import { commandsOf, writeFiles } from './pages.js';
import type { Row, Tried } from './row.js';
import { asHere, type Site } from './site.js';

const PAGE = 'docs/browser.md';
const BLOCKS = 5000;
const ANSWER_MS = 60_000;

/** Where blocks have to come from, by mode; what is above the last tile comes as single blocks. */
const ORIGINS = {
  auto: '4096 tiles, 904 stream',
  stream: '5000 stream',
  json: '4096 tiles, 904 json',
} as const;

/** The Worker of docs/browser.md in the runtime of Cloudflare's Workers, beside a server in this process. */
export const workerd: Row = {
  name: 'workerd',
  packages: () => [asHere('esbuild'), 'rxjs@7', 'workerd@1.20261117.1'],
  async run(site, tell) {
    const [command] = commandsOf(writeFiles(site, PAGE), 'test:hosts');
    const bundled = await site.bash(command?.code ?? 'exit 1');
    if (bundled.status !== 0) {
      tell({ what: PAGE, wrong: bundled.output.slice(-2000) });
      return;
    }
    const chain = await openChain({ storage: { use: 'memory' } });
    await chain.append(sealedChain(BLOCKS));
    await chain.tilesMade();
    const service = createSyncServer({ source: chain });
    const server = createServer(nodeListener(service)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      for (const mode of ['auto', 'stream', 'json'] as const)
        tell(await tried(site, portOf(server), mode, chain.tip().head?.hash ?? ''));
    } finally {
      await service.close();
      server.close();
      await chain.close();
    }
  },
};

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

async function tried(site: Site, peerPort: number, mode: keyof typeof ORIGINS, hash: string): Promise<Tried> {
  const what = `workerd serve, mode ${mode}`;
  const port = await freePort();
  site.write('config.capnp', configOf(port, `http://127.0.0.1:${peerPort}/sync`, mode));
  const program = join(site.folder, 'node_modules', '.bin', 'workerd');
  const child = spawn(program, ['serve', 'config.capnp'], {
    cwd: site.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (printed += text.toString()));
  try {
    const answer = await answered(`http://127.0.0.1:${port}/`);
    const { head, origins } = JSON.parse(answer) as {
      head: { hash: string };
      origins: Record<string, number>;
    };
    const came = Object.entries(origins)
      .map(([origin, count]) => `${count} ${origin}`)
      .join(', ');
    const isRight = head.hash === hash && came === ORIGINS[mode];
    return { what, wrong: isRight ? null : answer, note: came };
  } catch (error) {
    return { what, wrong: `${String(error)} ${printed}` };
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/** What the Worker says, once it listens. */
async function answered(url: string): Promise<string> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  for (;;) {
    const response = await fetch(url, { signal }).catch(() => null);
    if (response !== null) return response.text();
    await delay(100, undefined, { signal });
  }
}

/** The Worker with its bindings, and leave to reach this machine. */
function configOf(port: number, peer: string, mode: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "edge.js", esModule = embed "dist/edge.js")],
  bindings = [(name = "PEER", text = "${peer}"), (name = "MODE", text = "${mode}")],
  compatibilityDate = "2026-11-01",
  globalOutbound = "internet",
);
`;
}
