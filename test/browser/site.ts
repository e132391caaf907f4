import type { ExecutionContext } from 'ava';
import express, { type RequestHandler } from 'express';
import type { Browser, Page } from 'playwright-core';
import { join } from 'node:path';
import { type Chain, openChain } from '../../src/index.js';
import { syncMiddleware } from '../../src/server/express.js';
import { projectRoot } from '../helpers/shared.js';
import { listen } from '../helpers/servers.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import { bundled } from './bundle.js';

const PAGE = join(projectRoot, 'dist/test/browser/page.js');

/** What the client reads of a response beyond what every page may, and what it sends beyond that. */
const EXPOSED =
  'Chain-Head, Content-Encoding, Content-Range, ETag, Retry-After, X-Chain-Head, X-Stream-Lease-Ms';

/** Lets the pages of one other site read. */
export function cors(origin: () => string): RequestHandler {
  return (request, response, next) => {
    response.set({
      'access-control-allow-origin': origin(),
      'access-control-expose-headers': EXPOSED,
      vary: 'Origin',
    });
    if (request.method !== 'OPTIONS') next();
    else
      response
        .set({
          'access-control-allow-headers': request.get('access-control-request-headers') ?? '',
          'access-control-max-age': '600',
        })
        .sendStatus(204);
  };
}

/** A chain in tiles up to a few blocks below its head. */
export async function tiledChain(t: ExecutionContext, documents: readonly Uint8Array[]): Promise<Chain> {
  const storage = { use: 'leveldb', location: tempDir(t) } as const;
  const chain = await openChain({ storage, chain: 'sealed-json', finality: { depth: 8 } });
  t.teardown(() => chain.close());
  await chain.append(documents);
  await until(async () => ((await chain.tiles?.list({ from: 0, to: documents.length })) ?? []).length > 1);
  return chain;
}

/** A page of one site, and the server of a chain at another. */
export interface Site {
  readonly page: Page;
  /** URL of the server. */
  readonly peer: string;
  /** Targets that it was asked for. */
  readonly asked: string[];
  /** Is put before the server; `null` for nothing. */
  before: RequestHandler | null;
}

/** Serves a chain, and a page of another site that can sync from it. */
export async function siteOf(t: ExecutionContext, browser: Browser, chain: Chain): Promise<Site> {
  const script = await bundled(
    `import * as all from ${JSON.stringify(PAGE)}; Object.assign(globalThis, all);`,
  );
  const worker = await bundled(
    `import { syncOnce } from ${JSON.stringify(PAGE)};
     onmessage = async ({ data }) => { postMessage(await syncOnce(data)); };`,
  );
  const pages = await listen(t, (request, response) => {
    const texts: Record<string, string> = { '/page.js': script, '/worker.js': worker };
    const text = texts[request.url ?? ''];
    const type = text === undefined ? 'text/html' : 'text/javascript';
    response
      .writeHead(200, { 'content-type': `${type}; charset=utf-8` })
      .end(text ?? '<!doctype html><title>page</title><script type="module" src="/page.js"></script>');
  });
  const asked: string[] = [];
  const app = express();
  app.use(
    '/sync',
    cors(() => pages),
  );
  const site: { -readonly [K in keyof Site]: Site[K] } = {
    page: await browser.newPage(),
    peer: '',
    asked,
    before: null,
  };
  app.use('/sync', (request, response, next) => {
    asked.push(request.url);
    if (site.before === null) next();
    else void site.before(request, response, next);
  });
  app.use('/sync', syncMiddleware({ source: chain }));
  site.peer = await listen(t, app);
  await site.page.goto(pages);
  await site.page.waitForFunction('"syncOnce" in globalThis');
  return site;
}
