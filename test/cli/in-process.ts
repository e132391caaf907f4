import { main } from '../../src/cli/program.js';

/** What a command that ran in this process has printed. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Done = (error?: Error | null) => void;

/** Runs a command in this process, where starting another one would show nothing more. One at a time. */
export async function ranHere(args: readonly string[]): Promise<Ran> {
  const stdout = taken(process.stdout);
  const stderr = taken(process.stderr);
  try {
    const code = await main(args);
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    process.exitCode = undefined;
    stdout.giveBack();
    stderr.giveBack();
  }
}

/** Takes what is written to a stream. */
function taken(stream: NodeJS.WriteStream): { text(): string; giveBack(): void } {
  const before = Object.getOwnPropertyDescriptor(stream, 'write');
  let text = '';
  const write = (chunk: string | Uint8Array, encoding?: string | Done, done?: Done): boolean => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    (typeof encoding === 'function' ? encoding : done)?.();
    return true;
  };
  Object.defineProperty(stream, 'write', { value: write, configurable: true, writable: true });
  return {
    text: () => text,
    giveBack: () => {
      if (before === undefined) Reflect.deleteProperty(stream, 'write');
      else Object.defineProperty(stream, 'write', before);
    },
  };
}
