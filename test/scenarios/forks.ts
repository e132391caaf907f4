import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DATA } from './data.js';
import { eventOf, Program, run } from './program.js';

interface Header {
  readonly number: number;
  readonly hash: string;
  readonly uncles: readonly Header[];
}

const AWAY = 20;

/**
 * Real forks: for each block that names uncles, the first of them is served at its own height before the canonical block
 * and its child come. The follower sees each fork live, but for some at which it was killed.
 */
export async function forks(): Promise<void> {
  const input = join(DATA, 'ethereum', 'eth-mainnet-0-8191.ndjson.gz');
  if (!existsSync(input)) {
    console.log('skipped: the Ethereum blocks are not on this machine');
    return;
  }
  const file = gunzipSync(readFileSync(input));
  const lines = file.toString().trimEnd().split('\n');
  const at = unclesByHeight(lines);
  const total = [...at.values()].reduce((sum, uncles) => sum + uncles.length, 0);
  const away = new Set(
    [...at.keys()]
      .sort((a, b) => a - b)
      .filter((height, index) => index % 60 === 30 && !at.has(height + 1))
      .slice(0, AWAY),
  );
  const dir = mkdtempSync(join(tmpdir(), 'forks-'));
  try {
    const feed = await new Feed(dir).run(lines, at, away);
    console.log(`${total} forks at ${at.size} heights; the follower was away for ${away.size}`);
    console.log(
      `rollbacks at the server ${feed.server}, at the follower ${feed.follower}, of one block each: ${feed.single}`,
    );
    const wanted = Buffer.from(`${lines.join('\n')}\n`);
    for (const name of ['server', 'follower']) {
      const out = join(dir, `${name}.ndjson`);
      await run(['export', out, '--data', join(dir, name)]);
      const equal = readFileSync(out).equals(wanted);
      console.log(`export of the ${name}: ${equal ? 'equal to the file' : 'DIFFERENT'}`);
      if (!equal) throw new Error(`the ${name} differs`);
    }
    if (feed.server !== total || feed.follower !== total || feed.single !== total)
      throw new Error('other rollbacks');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The first uncle of each block that names any, as a document, by its height. */
function unclesByHeight(lines: readonly string[]): ReadonlyMap<number, readonly string[]> {
  const at = new Map<number, string[]>();
  for (const line of lines) {
    const [uncle] = (JSON.parse(line) as Header).uncles;
    if (uncle === undefined) continue;
    at.set(uncle.number, [...(at.get(uncle.number) ?? []), JSON.stringify(uncle)]);
  }
  return at;
}

class Feed {
  readonly #dir: string;
  readonly #server: Program;
  #url = '';
  #follower: Program | null = null;
  server = 0;
  follower = 0;
  single = 0;

  constructor(dir: string) {
    this.#dir = dir;
    writeFileSync(join(dir, 'empty'), '');
    const args = [
      'serve',
      '--data',
      join(dir, 'server'),
      '--chain',
      'ethereum',
      '--ingest',
      '-',
      '--port',
      '0',
    ];
    this.#server = new Program(args);
    this.#server.onLine((line) => {
      if (eventOf(line) === 'rollback') this.server += 1;
    });
  }

  async run(
    lines: readonly string[],
    at: ReadonlyMap<number, readonly string[]>,
    away: ReadonlySet<number>,
  ): Promise<this> {
    try {
      await this.#feed(lines, at, away);
    } finally {
      await this.#follower?.end();
      await this.#server.end();
    }
    return this;
  }

  async #feed(
    lines: readonly string[],
    at: ReadonlyMap<number, readonly string[]>,
    away: ReadonlySet<number>,
  ): Promise<void> {
    this.#url = await this.#server.url();
    this.#follow();
    for (const [height, line] of lines.entries()) {
      // It was sent as the child of the one before.
      if (away.has(height - 1)) continue;
      const uncles = at.get(height) ?? [];
      for (const uncle of uncles) await this.#send(uncle);
      if (away.has(height)) await this.#whileAway(line, lines[height + 1] ?? '');
      else if (uncles.length > 0) await this.#send(line);
      else this.#server.write(`${line}\n`);
    }
    await this.#seen(lines.at(-1) ?? '');
  }

  /** Its child tells that the canonical branch is the longer one. */
  async #whileAway(line: string, child: string): Promise<void> {
    await this.#follower?.end('SIGKILL');
    this.#server.write(`${line}\n${child}\n`);
    const { hash } = JSON.parse(child) as Header;
    await this.#server.find((each) => isHead(each, hash));
    this.#follow();
    await this.#seen(child);
  }

  #follow(): void {
    const program = new Program([
      'sync',
      '--peer',
      this.#url,
      '--data',
      join(this.#dir, 'follower'),
      '--follow',
    ]);
    program.onLine((line) => {
      if (eventOf(line) !== 'rollback') return;
      this.follower += 1;
      if ((line['dropped'] as readonly unknown[]).length === 1) this.single += 1;
    });
    this.#follower = program;
  }

  async #send(document: string): Promise<void> {
    this.#server.write(`${document}\n`);
    await this.#seen(document);
  }

  /** Resolves when the follower has had a block as its head. */
  async #seen(document: string): Promise<void> {
    const { hash } = JSON.parse(document) as Header;
    const program = this.#follower;
    if (program === null) return;
    await program.find(
      (line) => isBlock(line, hash) || isHead(line, hash),
      Math.max(0, program.lines.length - 50),
    );
    if (program.lines.length > 5_000) program.lines.splice(0, program.lines.length - 100);
  }
}

function isBlock(line: Readonly<Record<string, unknown>>, hash: string): boolean {
  return line['event'] === 'block' && (line['header'] as { hash?: string } | undefined)?.hash === hash;
}

function isHead(line: Readonly<Record<string, unknown>>, hash: string): boolean {
  return (line['head'] as { hash?: string } | null | undefined)?.hash === hash;
}
