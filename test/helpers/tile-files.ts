import type { ExecutionContext } from 'ava';
import type { Chain } from '../../src/index.js';
import { listen } from './servers.js';
import { tileFolder } from './tile-folder.js';

type Teardown = Pick<ExecutionContext, 'teardown'>;

/** Files by their paths below the peer's URL. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A chain up to its head as files that any web server can serve: its tiles, what is behind them, the index and the status. */
export async function filesOf(t: Teardown, chain: Chain): Promise<Files> {
  const { base, head } = chain.tip();
  const documents: Uint8Array[] = [];
  for await (const frames of chain.read({ from: base, to: head?.height ?? base }))
    documents.push(...frames.map((frame) => chain.decode(frame).bytes));
  return (await tileFolder(t, documents, { hasTail: true })).files;
}

/** What a server of files does. */
export interface FileServer {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[];
}

/** Serves files under /sync as a plain web server does. @param files - those of the moment */
export async function serveFiles(t: Teardown, files: () => Files): Promise<FileServer> {
  const requests: string[] = [];
  const url = await listen(t, (request, response) => {
    const path = (request.url ?? '').replace(/^\/sync\//, '');
    requests.push(path);
    const file = files().get(path);
    if (file === undefined) response.writeHead(404).end('not found');
    else response.writeHead(200, { 'content-length': String(file.byteLength) }).end(file);
  });
  return { url, requests };
}
