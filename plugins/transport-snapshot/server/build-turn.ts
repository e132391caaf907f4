import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from '../../../src/internal/node/make-directory.js';
import { PRIVATE_DIRECTORY, PRIVATE_FILE } from '../../../src/internal/private-mode.js';
import { isOther } from './files.js';

const NAME = '.builder';

/** The one whose turn it is says so every so often; one that is not heard of for so long has ended, in milliseconds. */
const SAY_MS = 2_000;
const LOST_MS = 20_000;

/** Turns of this process. */
const held = new Set<string>();

/** What is known of the one whose turn it is. */
interface Seen {
  readonly text: string;
  readonly stamp: string;
  /** When it was first seen so, by the clock of this process: those of others may differ. */
  readonly sinceMs: number;
}

/**
 * Lets one of the processes that share a directory of snapshots make the next one: the others find it there. Two that take
 * over from one that has ended, at the same moment, may both build; the work is then done twice, and nothing else.
 */
export class BuildTurn {
  readonly #directory: string;
  readonly #path: string;
  readonly #now: () => number;
  #seen: Seen | null = null;

  constructor(directory: string, now: () => number = () => performance.now()) {
    this.#directory = directory;
    this.#path = join(directory, NAME);
    this.#now = now;
  }

  /**
   * Takes the turn if it is free, or can't be written down: a build then fails too, and tells why.
   *
   * @returns what gives it back; `null` while another process has it
   */
  async take(): Promise<(() => Promise<void>) | null> {
    try {
      await makeDirectory(this.#directory, PRIVATE_DIRECTORY);
      return await this.#take();
    } catch {
      return () => Promise.resolve();
    }
  }

  async #take(): Promise<(() => Promise<void>) | null> {
    const own = `${hostname()} ${process.pid} ${randomUUID()}`;
    if (!(await this.#put(own))) {
      if (!(await this.#isLost())) return null;
      await this.#remove(this.#seen?.text ?? '');
      if (!(await this.#put(own))) return null;
    }
    const timer = setInterval(() => {
      const now = new Date();
      utimes(this.#path, now, now).catch(() => undefined);
    }, SAY_MS);
    timer.unref();
    held.add(own);
    return async () => {
      clearInterval(timer);
      held.delete(own);
      await this.#remove(own);
    };
  }

  async #put(text: string): Promise<boolean> {
    try {
      await writeFile(this.#path, text, { flag: 'wx', mode: PRIVATE_FILE });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Whether the one whose turn it is has ended. */
  async #isLost(): Promise<boolean> {
    const seen = await this.#look();
    if (seen === null) return true;
    const [host = '', pid = ''] = seen.text.split(' ');
    if (host === hostname() && !held.has(seen.text) && !isOther(Number(pid))) return true;
    return this.#now() - seen.sinceMs > LOST_MS;
  }

  async #look(): Promise<Seen | null> {
    try {
      const [text, { mtimeNs }] = await Promise.all([
        readFile(this.#path, 'utf8'),
        stat(this.#path, { bigint: true }),
      ]);
      const stamp = `${text} ${mtimeNs}`;
      if (this.#seen?.stamp !== stamp) this.#seen = { text, stamp, sinceMs: this.#now() };
      return this.#seen;
    } catch {
      return null;
    }
  }

  /** Ends a turn, unless it is not that one any more. */
  async #remove(text: string): Promise<void> {
    const away = join(this.#directory, `.removing-${randomUUID()}`);
    try {
      await rename(this.#path, away);
      if ((await readFile(away, 'utf8')) !== text) await link(away, this.#path);
    } catch {
      // Somebody else has ended it.
    }
    await rm(away, { force: true });
  }
}
