import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { parseTileFileName } from '../../src/tiles/name.js';
import { browserFor, chromiumPath } from '../helpers/browser.js';
import { sealedChain } from '../helpers/sealed-chain.js';
import type { Outcome, Wanted } from './page.js';
import { type Site, siteOf, tiledChain } from './site.js';

const chromium = chromiumPath();

/** Blocks of some 300 bytes, and among them some that have a member of a tile to themselves. */
const documents = sealedChain(5000, (height) => ({
  timestamp: 1_700_000_000_000 + height,
  text: `Zoë ${height} ☤`.repeat(height % 500 === 7 ? 8000 : 12),
}));
const newest = Buffer.from(documents.at(-1) ?? []).toString();

function browserTest(title: string, run: (t: ExecutionContext, site: Site) => Promise<void>): void {
  if (chromium === null)
    test.skip(`${title} (skipped: there is no Chromium on this machine)`, () => undefined);
  else
    test.serial(title, async (t) => {
      const browser = await browserFor(t, chromium);
      await run(t, await siteOf(t, browser, await tiledChain(t, documents)));
    });
}

type Page = typeof globalThis & Record<'syncOnce' | 'syncKept', (wanted: Wanted) => Promise<Outcome>>;

const sync = (site: Site, wanted: Partial<Wanted> = {}): Promise<Outcome> =>
  site.page.evaluate((all) => (globalThis as Page).syncOnce(all), { peers: [site.peer], ...wanted });

function hasAll(t: ExecutionContext, outcome: Outcome): void {
  t.is(outcome.code, null, outcome.message);
  t.is(outcome.head?.height, documents.length - 1);
  t.is(outcome.newest, newest);
}

browserTest('a page takes a chain of another site in tiles, and the rest by the stream', async (t, site) => {
  const outcome = await sync(site);
  hasAll(t, outcome);
  t.deepEqual(outcome.modes, ['tiles', 'stream']);
  t.true(site.asked.filter((target) => target.includes('.ndjson.gz')).length >= 4);
  t.deepEqual(outcome.told, []);
});

browserTest('a page takes a chain by the stream alone, and by ranges', async (t, site) => {
  const stream = await sync(site, { mode: 'stream' });
  hasAll(t, stream);
  t.deepEqual(stream.modes, ['stream']);
  t.false(site.asked.some((target) => target.startsWith('/tiles')));

  const ranges = await sync(site, { mode: 'json' });
  hasAll(t, ranges);
  t.deepEqual(ranges.modes, ['tiles', 'json']);
});

browserTest('a worker of a page takes a chain', async (t, site) => {
  const outcome = await site.page.evaluate<Outcome>(
    `new Promise((resolve, reject) => {
       const worker = new Worker('/worker.js', { type: 'module' });
       worker.onmessage = ({ data }) => resolve(data);
       worker.onerror = ({ message }) => reject(new Error(message));
       worker.postMessage({ peers: [${JSON.stringify(site.peer)}] });
     })`,
  );
  hasAll(t, outcome);
  t.deepEqual(outcome.modes, ['tiles', 'stream']);
});

browserTest(
  'a page refuses a tile in which one letter was changed, and a server that does not let it read',
  async (t, site) => {
    site.before = (request, response, next) => {
      const name = /(\d{16}-\d{16}-\w{32}\.ndjson\.gz)$/.exec(request.url)?.[1];
      const tile = name === undefined ? null : parseTileFileName(name);
      if (tile === null) {
        next();
        return;
      }
      const blocks = documents.slice(tile.from, tile.to + 1).map((bytes) => Buffer.from(bytes));
      // The last letter of a text, so that nothing but its hash tells.
      const bad = blocks[3] as Buffer;
      bad[bad.length - 4] = (bad[bad.length - 4] as number) ^ 1;
      response.send(gzipSync(Buffer.concat(blocks.flatMap((block) => [block, Buffer.from('\n')]))));
    };
    const outcome = await sync(site, { to: 1023 });
    t.is(outcome.code, 'HASH_MISMATCH', outcome.message);
    t.is(outcome.head, null);
    t.true(site.asked.some((target) => target.endsWith('.ndjson.gz')));

    site.before = (_request, response, next) => {
      response.removeHeader('access-control-allow-origin');
      next();
    };
    t.is((await sync(site)).code, 'PEER_UNREACHABLE');
  },
);

browserTest('a page goes on from IndexedDB where it was before it was loaded again', async (t, site) => {
  const kept = (wanted: Partial<Wanted>): Promise<Outcome> =>
    site.page.evaluate((all) => (globalThis as Page).syncKept(all), { peers: [site.peer], ...wanted });
  const first = await kept({ to: 3500 });
  t.is(first.code, null, first.message);
  t.is(first.head?.height, 3500);
  await site.page.reload();
  await site.page.waitForFunction('"syncKept" in globalThis');
  site.asked.length = 0;
  hasAll(t, await kept({}));
  const tiles = site.asked.filter((target) => target.includes('.ndjson.gz'));
  t.true(
    tiles.every((target) => !target.includes('/0000000000000000-')),
    tiles.join(),
  );
  t.true(site.asked.some((target) => target.includes('from_height=') || tiles.length > 0));

  const [one, other] = await site.page.evaluate(
    (all) => {
      const { syncKept } = globalThis as Page;
      return Promise.all([syncKept(all), syncKept(all)]);
    },
    { peers: [site.peer] },
  );
  t.deepEqual([one.code, other.code].sort(), [null, 'STORE_LOCKED'].sort());
});

browserTest(
  'where a page has no locks, two that have one store open do not write over each other',
  async (t, site) => {
    const codes = await site.page.evaluate(
      async (all) => {
        // As on pages that came neither over HTTPS nor from this computer.
        const { navigator } = globalThis as unknown as { readonly navigator: object };
        Object.defineProperty(navigator, 'locks', { value: undefined });
        const { syncKept } = globalThis as Page;
        const ended = await Promise.all([syncKept(all), syncKept(all)]);
        return ended.map(({ code }) => code);
      },
      { peers: [site.peer] },
    );
    t.deepEqual(codes.map(String).sort(), ['STORE_LOCKED', 'null']);
    const again = await site.page.evaluate((all) => (globalThis as Page).syncKept(all), {
      peers: [site.peer],
    });
    hasAll(t, again);
  },
);
