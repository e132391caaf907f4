import { existsSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Where Debian, other systems and people put it. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The Chromium of this machine; `null` where there is none. `BLOCKFERRY_CHROMIUM` names another one. */
export function chromiumPath(): string | null {
  return (
    [process.env['BLOCKFERRY_CHROMIUM'], ...PLACES].find((path) => path !== undefined && existsSync(path)) ??
    null
  );
}

/** Starts the browser without a window. */
export async function launch(executablePath: string): Promise<Browser> {
  // Root may not use the sandbox, and a container has little shared memory.
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

/** What a page asked for, and complained of. */
export interface Seen {
  readonly requests: string[];
  readonly complaints: string[];
}

/** Opens a page, and notes what it asks for and complains of. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly seen: Seen }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const seen: Seen = { requests: [], complaints: [] };
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('pageerror', (error) => seen.complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') seen.complaints.push(message.text());
  });
  await page.goto(url);
  return { page, seen };
}

/** A browser that is closed with the test. */
export async function browserFor(t: Pick<ExecutionContext, 'teardown'>, path: string): Promise<Browser> {
  const browser = await launch(path);
  t.teardown(() => browser.close());
  return browser;
}
