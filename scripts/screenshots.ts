// Takes the pictures in docs/images of a real node as it syncs: `npm run screenshots`. Takes two minutes.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromiumPath, launch, openPage } from '../test/helpers/browser.js';
import { projectRoot } from '../test/helpers/shared.js';
import { extend, reorganise, watchedSite } from '../test/helpers/watched-node.js';

const FOLDER = join(projectRoot, 'docs/images');
/** So many seconds of history are in the pictures. */
const SECONDS = Number(process.env['BLOCKFERRY_SCREENSHOT_SECONDS'] ?? 110);
/** Around a part of the page, in pixels. */
const MARGIN = 32;
const WIDE = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 360, height: 1500 }, deviceScaleFactor: 2, isMobile: true };

async function open(browser: Browser, url: string, options: BrowserContextOptions): Promise<Page> {
  const { page } = await openPage(browser, url, { deviceScaleFactor: 1.25, ...options });
  await page.locator('#height').filter({ hasText: /\d/ }).waitFor();
  return page;
}

async function save(page: Page, name: string, fullPage = true): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `dashboard-${name}.png`), fullPage });
  console.log(`docs/images/dashboard-${name}.png`);
}

async function part(page: Page, heading: string, name: string): Promise<void> {
  const section = page.locator('section', { has: page.locator(`#${heading}`) });
  await page.evaluate('scrollTo(0, 0)');
  const box = await section.boundingBox();
  if (box === null) throw new Error(`${heading} is not to be seen.`);
  const clip = {
    x: box.x - MARGIN,
    y: box.y - MARGIN,
    width: box.width + 2 * MARGIN,
    height: box.height + 2 * MARGIN,
  };
  await page.screenshot({ path: join(FOLDER, `dashboard-${name}.png`), clip, fullPage: true });
  console.log(`docs/images/dashboard-${name}.png`);
}

/** A node that began with a snapshot. */
async function pictureOfSnapshot(browser: Browser): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'screenshots-'));
  const site = await watchedSite({ blocks: 9_200, snapshots: directory });
  const page = await open(browser, site.page, { ...WIDE, colorScheme: 'light' });
  await extend(site.source, 3_100);
  await page.locator('#height').filter({ hasText: '12,299' }).waitFor();
  await delay(2000);
  await part(page, 'trust-title', 'assumed');
  await page.context().close();
  await site.close();
  rmSync(directory, { recursive: true });
}

const path = chromiumPath();
if (path === null) throw new Error('There is no Chromium here: apt-get install chromium.');
mkdirSync(FOLDER, { recursive: true });
const site = await watchedSite({ blocks: 48_200, hasLiar: true });
const browser = await launch(path);
try {
  const light = await open(browser, site.page, { ...WIDE, colorScheme: 'light' });
  const dark = await open(browser, site.page, { ...WIDE, colorScheme: 'dark' });
  const phone = await open(browser, site.page, { ...PHONE, colorScheme: 'light' });
  for (let second = 0; second < SECONDS; second++) {
    const count = Math.round(22 + 14 * Math.sin(second / 9) + 6 * Math.sin(second / 2.3));
    await extend(site.source, count, 'first', 400 + 300 * (1 + Math.sin(second / 14)));
    if (second === Math.floor(SECONDS * 0.45)) await reorganise(site.source, 3, 'second');
    if (second === Math.floor(SECONDS * 0.8)) await reorganise(site.source, 7, 'third');
    await delay(1000);
  }
  await save(light, 'light');
  await save(light, 'top', false);
  await save(dark, 'dark');
  await save(phone, 'phone', false);
  await part(light, 'forks-title', 'fork');
  await part(light, 'peers-title', 'dropped-peer');
  await light.fill('#at', '48000');
  await light.press('#at', 'Enter');
  await light.waitForSelector('.checks');
  await part(light, 'block-title', 'inspector');
  await pictureOfSnapshot(browser);
  await light.evaluate('scrollTo(0, 0)');
  await site.node.close();
  await light.waitForSelector('#gone:not([hidden])', { timeout: 30_000 });
  await delay(3000);
  await save(light, 'source-gone', false);
} finally {
  await browser.close();
  await site.close();
}
