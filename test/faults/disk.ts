import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from '../helpers/shared.js';
import { command, type Site } from './site.js';

const POWER_LOSS = join(projectRoot, 'test', 'faults', 'tools', 'power-loss.py');

/** A killed process may hold its files for a moment longer, the more so when what is below them fails. */
const BUSY_MS = 60_000;

async function unmounted(path: string): Promise<void> {
  const endMs = performance.now() + BUSY_MS;
  for (;;) {
    try {
      command('umount', path);
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await delay(100);
    }
  }
}

/** A file system of its own in an image, whose power can be cut. */
export class FragileDisk {
  readonly path: string;
  readonly #image: string;
  #isMounted = false;

  constructor(site: Site, mebibytes = 512) {
    this.#image = site.path('disk.img');
    this.path = site.path('disk');
    mkdirSync(this.path);
    command('truncate', '-s', `${mebibytes}M`, this.#image);
    command('mkfs.ext4', '-q', '-F', this.#image);
    site.defer(() => this.unmount());
    this.mount();
  }

  mount(): void {
    // The kernel writes by itself as rarely as it can be told to: what is there was synced.
    command('mount', '-o', 'loop,commit=60', this.#image, this.path);
    this.#isMounted = true;
  }

  /** From now on nothing reaches the disk. */
  losePower(): void {
    command('python3', POWER_LOSS, this.path);
  }

  /** Resolves when nobody has it open any more and it is away. */
  async unmount(): Promise<void> {
    if (!this.#isMounted) return;
    await unmounted(this.path);
    this.#isMounted = false;
  }
}

/** A file system in memory that is small, and can be given more room. */
export class SmallRoom {
  readonly path: string;

  constructor(site: Site, mebibytes: number) {
    this.path = site.path('small');
    mkdirSync(this.path);
    command('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', this.path);
    site.defer(() => unmounted(this.path));
  }

  grow(mebibytes: number): void {
    command('mount', '-o', `remount,size=${mebibytes}m`, this.path);
  }
}
