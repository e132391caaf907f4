import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onAbort, throwIfAborted } from '../../internal/abort.js';
import { NodeProcess } from './node-process.js';

/** The temporary folder and the processes of one demonstration. Nothing of it is left behind, however it ends. */
export class Stage {
  readonly folder: string;
  readonly #signal: AbortSignal;
  readonly #nodes: NodeProcess[] = [];
  readonly #onExit = (): void => {
    this.#kill();
    rmSync(this.folder, { recursive: true, force: true });
  };
  readonly #stopListening: () => void;

  private constructor(folder: string, signal: AbortSignal) {
    this.folder = folder;
    this.#signal = signal;
    process.once('exit', this.#onExit);
    this.#stopListening = onAbort(signal, () => {
      this.#kill();
    });
  }

  /** Sets up a stage. The signal kills the processes on it. */
  static async open(signal: AbortSignal): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), 'blockferry-demo-')), signal);
  }

  /** Path of a node's store. */
  store(node: string): string {
    return join(this.folder, node);
  }

  /** Removes a node's store. */
  async clear(node: string): Promise<void> {
    await rm(this.store(node), { recursive: true, force: true });
  }

  /** Starts a command in a process of its own. */
  start(name: string, ...args: readonly string[]): NodeProcess {
    throwIfAborted(this.#signal);
    const node = new NodeProcess(name, args);
    this.#nodes.push(node);
    return node;
  }

  /** Kills what still runs and removes the folder. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end('SIGKILL')));
    await rm(this.folder, { recursive: true, force: true });
    process.off('exit', this.#onExit);
    this.#stopListening();
  }

  #kill(): void {
    for (const node of this.#nodes) node.kill('SIGKILL');
  }
}
