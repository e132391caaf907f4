// Writes the report of the public interface to docs/api.md (`--write`), or fails when the one there is not up to date.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { inProject } from './lib/project.js';

const committed = inProject('docs', 'api.md');

function makeReport(): string {
  const folder = inProject('temp', 'api');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = ExtractorConfig.loadFileAndPrepare(inProject('api-extractor.json'));
  const result = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      if (message.messageId === 'console-api-report-created') message.handled = true;
    },
  });
  if (!result.succeeded) throw new Error('The public interface has errors; see above.');
  return readFileSync(inProject('temp', 'api', 'blockferry.api.md'), 'utf8');
}

function firstDifference(before: string, after: string): string {
  const old = before.split('\n');
  const now = after.split('\n');
  const line = now.findIndex((text, index) => text !== old[index]);
  const at = line === -1 ? now.length : line;
  return `line ${at + 1}:\n- ${old[at] ?? '(end)'}\n+ ${now[at] ?? '(end)'}`;
}

const report = makeReport();
const before = existsSync(committed) ? readFileSync(committed, 'utf8') : '';
if (process.argv.includes('--write')) {
  writeFileSync(committed, report);
} else if (before !== report) {
  console.error(`docs/api.md is not up to date; first difference at ${firstDifference(before, report)}`);
  console.error('If the change is meant, run `npm run api` and commit the report.');
  process.exitCode = 1;
}
