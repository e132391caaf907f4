import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import test, { type ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { browserFor, chromiumPath, openPage } from '../helpers/browser.js';
import { freePort } from '../helpers/free-port.js';
import { tempDir } from '../helpers/temp-dir.js';
import { until } from '../helpers/waiting.js';
import {
  extend,
  reorganise,
  siteOf,
  watchedSite,
  type WatchedSite,
  type WatchedSiteOptions,
} from '../helpers/watched-node.js';

const chromium = chromiumPath();
const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** What is waited for on a page, on a busy machine. */
const WAIT = { timeout: 60_000 };

interface Finding {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

/** Registers a test that needs a browser; it is skipped where there is none. */
function browserTest(title: string, run: (t: ExecutionContext, executable: string) => Promise<void>): void {
  if (chromium === null)
    test.skip(`${title} (skipped: there is no Chromium on this machine)`, () => undefined);
  else test(title, (t) => run(t, chromium));
}

async function site(t: ExecutionContext, options?: WatchedSiteOptions): Promise<WatchedSite> {
  const made = await watchedSite(options);
  t.teardown(() => made.close());
  await until(() => made.engine.state.phase === 'synced');
  return made;
}

async function hasText(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page
    .locator(selector)
    .filter({ hasText: text })
    .first()
    .waitFor({ ...WAIT, state: 'attached' });
}

/** What axe finds that is serious. It is run by the browser's own debugger, which no policy of the page binds. */
async function seriousFindings(page: Page): Promise<readonly string[]> {
  const { readFile } = await import('node:fs/promises');
  await page.evaluate(await readFile(axePath, 'utf8'));
  const { violations } = await page.evaluate<{ violations: readonly Finding[] }>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

browserTest(
  'the page moves with the node, shows a fork and why a peer was dropped, and asks nobody else',
  async (t, path) => {
    const node = await site(t, { blocks: 60, hasLiar: true });
    const browser = await browserFor(t, path);
    const { page, seen } = await openPage(browser, node.page);
    await hasText(page, '#height', '59');
    await hasText(page, '#link-text', 'Following');
    await extend(node.source, 12);
    await hasText(page, '#height', '71');
    await hasText(page, '.bar:has(dt:text("Final")) .value', '59');
    t.regex(await page.locator('.bar').first().innerText(), /Here\s+71\s*100 %/);
    await reorganise(node.source, 3, 'second');
    await hasText(page, '#forks li', 'Went back 3 blocks, to 68');
    await hasText(page, '#live', /Went back|Following|Catching/);
    await hasText(page, '.peer .state', 'dropped');
    const why = page.locator('.peer .why');
    t.regex(await why.innerText(), /^Dropped: HASH_MISMATCH Block 20 states the hash/);
    await why.locator('a').click();
    t.is(new URL(page.url()).hash, '#HASH_MISMATCH');
    t.regex(await page.locator('section:target').innerText(), /What to do/);
    t.deepEqual(seen.complaints, []);
    const elsewhere = seen.requests.filter(
      (url) => !url.startsWith(`${node.node.url}/sync/ui`) && !url.startsWith('data:'),
    );
    t.deepEqual(elsewhere, []);
  },
);

browserTest(
  'the inspector recomputes hash and link, and says when a document was altered',
  async (t, path) => {
    const node = await site(t, { blocks: 30 });
    const browser = await browserFor(t, path);
    const { page, seen } = await openPage(browser, node.page);
    await hasText(page, '#height', '29');
    await page.fill('#at', '17');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .good', 'It links to its parent');
    t.deepEqual(await page.locator('.checks .good strong').allInnerTexts(), [
      'The hash fits',
      'It is the block of this height',
      'It links to its parent',
    ]);
    const hash = (await node.engine.chain?.header(17))?.hash ?? '';
    t.true((await page.locator('.checks .good').first().innerText()).includes(hash));
    await page.click('#older');
    await hasText(page, 'pre', '"height": 16,');
    await page.click('#newest');
    await hasText(page, 'pre', '"height": 29,');
    await page.fill('#at', '0');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .good', 'It is the first block');
    await page.fill('#at', '5000');
    await page.press('#at', 'Enter');
    await hasText(page, '#block .fault', 'NOT_FOUND');
    // A browser notes each answer that is an error.
    t.true(seen.complaints.every((text) => text.includes('404')));

    await page.route('**/blocks/12', async (route) => {
      const response = await route.fetch();
      const text = (await response.text()).replace('Observation', 'Observatiom');
      await route.fulfill({ response, body: text });
    });
    await page.fill('#at', '12');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .bad', 'The document was altered');
    await page.fill('#at', '13');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .bad', 'It does not link to its parent');
    await page.route('**/blocks/14', async (route) => {
      await route.fulfill({ response: await route.fetch({ url: `${node.page}/blocks/15` }) });
    });
    await page.fill('#at', '14');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .bad', 'It is another block');
  },
);

browserTest(
  'a node that is gone is marked, with its last known state, until news come again',
  async (t, path) => {
    const node = await site(t, { blocks: 25 });
    // In front of the node, so that the line alone is cut.
    const port = await freePort();
    const front = await siteOf((req, res) => {
      node.dashboard(req, res, () => res.writeHead(404).end());
    }, port);
    const browser = await browserFor(t, path);
    const { page } = await openPage(browser, front.url);
    await hasText(page, '#height', '24');
    t.true(await page.locator('#gone').isHidden());
    await front.close();
    await page.locator('#gone').waitFor(WAIT);
    t.regex(await page.locator('#gone').innerText(), /not been heard of since .* last known state/);
    t.is(await page.locator('#height').innerText(), '24');
    await hasText(page, '#live', 'No news since');
    t.regex(await page.title(), /^Last known: 24/);
    await extend(node.source, 3);
    const again = await siteOf((req, res) => {
      node.dashboard(req, res, () => res.writeHead(404).end());
    }, port);
    t.teardown(() => again.close());
    await hasText(page, '#height', '27');
    await page.locator('#gone').waitFor({ ...WAIT, state: 'hidden' });
  },
);

browserTest(
  'what a snapshot brought is a bar of its own, with who signed it, and is in no share',
  async (t, path) => {
    const node = await site(t, { blocks: 90, snapshots: tempDir(t) });
    await extend(node.source, 10);
    const browser = await browserFor(t, path);
    const { page } = await openPage(browser, node.page);
    await hasText(page, '#height', '99');
    await hasText(page, '#holdings', 'Signed by 1 of 2 trusted keys.');
    await hasText(page, '.bar:has(dt:text("Assumed")) .value', '89');
    t.is(await page.locator('.bar:has(dt:text("Assumed")) .share').textContent(), '');
    t.is(await page.locator('.bar:has(dt:text("Here")) .share').textContent(), '10.0 %');
  },
);

browserTest('what others say is text on the page, whatever is in it', async (t, path) => {
  const node = await site(t, { blocks: 60, hasLiar: true });
  const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
  const spoilt = JSON.stringify(evil).slice(1, -1);
  const browser = await browserFor(t, path);
  const { page, seen } = await openPage(browser, node.page);
  await hasText(page, '.why', 'HASH_MISMATCH');
  const state = await (await fetch(`${node.page}/state`)).text();
  const body = state.replaceAll(/HASH_MISMATCH|http:[^"]*|states the hash|sealed-json/g, spoilt);
  await page.route('**/events', (route) => route.abort());
  await page.route('**/state', (route) => route.fulfill({ contentType: 'application/json', body }));
  await page.reload();
  for (const place of ['.why', '.url', '#chain']) await hasText(page, place, evil);
  t.is(await page.locator('main img, main script').count(), 0);
  t.deepEqual(
    seen.complaints.filter((text) => !text.includes('ERR_FAILED')),
    [],
  );
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

browserTest('where no stream comes through, the page asks', async (t, path) => {
  const node = await site(t, {
    blocks: 10,
    before: (req, res, next) => {
      // A proxy that holds everything back.
      if (req.url !== '/events') next();
      else res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    },
  });
  const browser = await browserFor(t, path);
  const { page } = await openPage(browser, node.page);
  await hasText(page, '#height', '9');
  await hasText(page, '#link-text', 'asked every two seconds');
  await extend(node.source, 4);
  await hasText(page, '#height', '13');
  t.true(await page.locator('#gone').isHidden());
});

browserTest(
  'a browser that was given a password shows all of the page, and asks no more when it may not',
  async (t, path) => {
    let may = true;
    const open: ServerResponse[] = [];
    const good = `Basic ${Buffer.from('operator:secret').toString('base64')}`;
    const node = await site(t, {
      blocks: 20,
      challenge: 'Basic realm="ledger"',
      before: (req, res, next) => {
        if (req.url === '/events') open.push(res);
        next();
      },
      authorize: ({ header }) => (may && header('authorization') === good ? { id: 'operator' } : null),
    });
    const browser = await browserFor(t, path);
    const { page, seen } = await openPage(browser, node.page, {
      httpCredentials: { username: 'operator', password: 'secret' },
    });
    await hasText(page, '#height', '19');
    await hasText(page, '#link-text', /^Following$/);
    await page.fill('#at', '7');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .good', 'It links to its parent');
    t.deepEqual(seen.complaints, []);
    may = false;
    // As after ten minutes.
    for (const response of open) response.end();
    await hasText(page, '#gone', 'reload it to sign in');
    const asked = seen.requests.length;
    await page.waitForTimeout(5_000);
    t.is(seen.requests.length, asked);
  },
);

browserTest('the keyboard reaches everything, and what has the focus shows it', async (t, path) => {
  const node = await site(t, { blocks: 60, hasLiar: true });
  const browser = await browserFor(t, path);
  const { page } = await openPage(browser, node.page);
  await hasText(page, '.why', 'HASH_MISMATCH');
  const reached: string[] = [];
  for (let step = 0; step < 12; step++) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate<{ name: string; outline: string }>(
      `(() => { const e = document.activeElement; return { name: e.id || e.className || e.tagName, outline: getComputedStyle(e).outlineStyle }; })()`,
    );
    if (focus.name === 'BODY') break;
    reached.push(focus.name);
    t.is(focus.outline, 'solid', focus.name);
  }
  t.deepEqual(reached.slice(0, 8), ['skip', 'code', 'at', 'main', 'older', 'newer', 'newest', 'codes']);
  await page.focus('.skip');
  await page.keyboard.press('Enter');
  t.is(await page.evaluate('document.activeElement.id'), 'content');
});

for (const colorScheme of ['light', 'dark'] as const) {
  browserTest(`axe has no serious finding (${colorScheme})`, async (t, path) => {
    const node = await site(t, { blocks: 60, hasLiar: true });
    await reorganise(node.source, 3, 'second');
    const browser = await browserFor(t, path);
    const { page } = await openPage(browser, node.page, { colorScheme });
    await hasText(page, '#forks li', 'Went back');
    await page.fill('#at', '7');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .good', 'The hash fits');
    t.deepEqual(await seriousFindings(page), []);
    const faint = colorScheme === 'light' ? '#bbb' : '#444';
    await page.evaluate(`document.getElementById('lead').style.color = '${faint}'`);
    t.regex(
      (await seriousFindings(page)).join(),
      /^color-contrast: .*id="lead"/,
      'what is not right is found',
    );
    await page.goto(`${node.page}/errors`);
    t.deepEqual(await seriousFindings(page), []);
  });
}

browserTest(
  'on a phone nothing is wider than the screen, and axe has no serious finding',
  async (t, path) => {
    const node = await site(t, { blocks: 60, hasLiar: true });
    await reorganise(node.source, 3, 'second');
    const browser = await browserFor(t, path);
    const { page } = await openPage(browser, node.page, {
      viewport: { width: 360, height: 780 },
      isMobile: true,
    });
    await hasText(page, '#forks li', 'Went back');
    await page.fill('#at', '7');
    await page.press('#at', 'Enter');
    await hasText(page, '.checks .good', 'The hash fits');
    t.true((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 360);
    const small = await page.evaluate<readonly string[]>(
      `[...document.querySelectorAll('button, input')].filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.id)`,
    );
    t.deepEqual(small, []);
    t.deepEqual(await seriousFindings(page), []);
  },
);
