import { createHash } from 'node:crypto';

/** A page and what a browser may do with it. */
export interface Page {
  readonly html: Buffer;
  /** Content Security Policy: its own script and style, and requests to where it came from. */
  readonly policy: string;
}

const SCRIPT = /<script type="module">([\s\S]*?)<\/script>/g;
const STYLE = /<style>([\s\S]*?)<\/style>/g;

let loading: Promise<Page> | null = null;

/** The page that the build has made; loaded when it is first asked for. */
export function dashboardPage(): Promise<Page> {
  loading ??= import('./page-html.js').then(({ HTML }) => pageOf(Buffer.from(HTML)));
  return loading;
}

/** A page with the policy that fits the script and the style in it. */
export function pageOf(html: Buffer): Page {
  const text = html.toString('utf8');
  const policy = [
    "default-src 'none'",
    `script-src ${sources(text, SCRIPT)}`,
    `style-src ${sources(text, STYLE)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { html, policy: policy.join('; ') };
}

/** The style of the page, for others that look like it. */
export async function pageStyle(): Promise<string> {
  const { html } = await dashboardPage();
  return /<style>[\s\S]*?<\/style>/.exec(html.toString('utf8'))?.[0] ?? '';
}

function sources(text: string, pattern: RegExp): string {
  const hashes = [...text.matchAll(pattern)].map(([, inside = '']) => sha256(inside));
  return hashes.length === 0 ? "'none'" : hashes.join(' ');
}

function sha256(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
