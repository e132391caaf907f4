import { get, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { ExecutionContext } from 'ava';
import type { DashboardDocument } from '../../src/dashboard/document.js';
import { watchedSite, type WatchedSite, type WatchedSiteOptions } from './watched-node.js';

/** A node with a dashboard, which is closed with the test. */
export async function site(t: ExecutionContext, options?: WatchedSiteOptions): Promise<WatchedSite> {
  const made = await watchedSite(options);
  t.teardown(() => made.close());
  return made;
}

/** A stream of the dashboard, with what has come of it. */
export async function stream(
  url: string,
  headers: OutgoingHttpHeaders = {},
): Promise<{ readonly response: IncomingMessage; readonly documents: DashboardDocument[] }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/events`, { agent: false, headers }, resolve).once('error', reject);
  });
  const documents: DashboardDocument[] = [];
  let text = '';
  response.setEncoding('utf8').on('error', () => undefined);
  response.on('data', (chunk: string) => {
    const events = (text + chunk).split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) documents.push(JSON.parse(event.slice('data: '.length)) as DashboardDocument);
  });
  return { response, documents };
}
