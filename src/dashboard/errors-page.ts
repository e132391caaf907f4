import { ERROR_CODES } from '../errors/index.js';
import { type Page, pageOf, pageStyle } from './page-file.js';

let making: Promise<Page> | null = null;

/** A page that says of each error code what it means and what to do: what the dashboard's codes lead to. Made once. */
export function errorsPage(): Promise<Page> {
  making ??= made();
  // What failed once may work later.
  making.catch(() => {
    making = null;
  });
  return making;
}

async function made(): Promise<Page> {
  const entries = Object.entries(ERROR_CODES).map(
    ([code, { summary, action }]) =>
      `<section id="${code}" tabindex="-1"><h2>${code}</h2><p>${escaped(summary)}</p><p><b>What to do</b> ${escaped(action)}</p></section>`,
  );
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Error codes · blockferry</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">${await pageStyle()}</head>
<body class="codes"><main><h1>Error codes</h1><p class="lead">What each code means, and what to do next.</p>${entries.join('\n')}</main></body></html>`;
  return pageOf(Buffer.from(html));
}

/** Text as HTML has it; \`code\` is set as code. */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/`([^`]+)`/g, '<code>$1</code>');
}
