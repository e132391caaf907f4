import { join } from 'node:path';
import { type CodeBlock, readMarkdown } from '../../scripts/docs/markdown.js';
import { projectRoot } from '../helpers/shared.js';
import type { Site } from './site.js';

/** Writes the files of a page: its blocks of JavaScript that have a name. @returns all its blocks */
export function writeFiles(site: Site, page: string): readonly CodeBlock[] {
  const { blocks } = readMarkdown(join(projectRoot, page), page);
  for (const { language, info, code } of blocks) {
    if (language === 'js' && info !== '') site.write(info, code);
  }
  return blocks;
}

/** Blocks of shell that are marked `no-run: SCRIPT runs it`. */
export function commandsOf(blocks: readonly CodeBlock[], script: string): readonly CodeBlock[] {
  return blocks.filter(
    ({ language, info }) => language === 'sh' && info.startsWith(`no-run: ${script} runs it`),
  );
}
