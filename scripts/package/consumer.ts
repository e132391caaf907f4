import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { mustRun } from '../lib/process.js';

const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
  },
  include: ['src'],
};

/** Valid as TypeScript and as JavaScript. */
const EXPRESS_APP = `
import express from 'express';
import { openChain } from 'blockferry';
import { syncMiddleware } from 'blockferry/express';
const chain = await openChain({ storage: { use: 'memory' } });
const app = express();
app.use('/sync', syncMiddleware({ source: chain }));
const server = app.listen(0, '127.0.0.1', async () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  const response = await fetch('http://127.0.0.1:' + address.port + '/sync/status');
  if (response.status !== 200) throw new Error('status ' + response.status);
  server.closeAllConnections();
  server.close();
});
`;

/** A project of its own that has the packed package installed, with no more than the required peers. */
export class Consumer {
  readonly folder = mkdtempSync(join(tmpdir(), 'blockferry-consumer-'));

  async install(tarball: string): Promise<void> {
    writeFileSync(join(this.folder, 'package.json'), '{"name":"consumer","private":true,"type":"module"}\n');
    await mustRun('npm', ['install', '--silent', '--prefer-offline', tarball], { cwd: this.folder });
  }

  /** Folder of the installed package. */
  get installed(): string {
    return join(this.folder, 'node_modules', 'blockferry');
  }

  /** Files of the installed package, relative to its folder. */
  files(): string[] {
    const { installed } = this;
    return readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(installed, join(entry.parentPath, entry.name)));
  }

  /** Imports entry points, each in a process of its own. @throws Error for one that can't be imported. */
  async importAll(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const script = `const all = await import(${JSON.stringify(name)}); if (Object.keys(all).length === 0) process.exit(1);`;
      await mustRun(process.execPath, ['--input-type=module', '-e', script], { cwd: this.folder });
    }
  }

  /** Loads entry points from CommonJS, in one process. @throws Error for one that can't be loaded so. */
  async requireAll(names: readonly string[]): Promise<void> {
    const script = `for (const name of ${JSON.stringify(names)}) require(name);`;
    await mustRun(process.execPath, ['--input-type=commonjs', '-e', script], { cwd: this.folder });
  }

  /** Runs the installed command as a user would. */
  command(...args: readonly string[]): Promise<string> {
    return mustRun('npx', ['--no-install', 'blockferry', ...args], { cwd: this.folder });
  }

  /** Imports ten blocks into a store, exports them, and compares the bytes. */
  async roundTrip(): Promise<void> {
    const blocks = sealedBlocks(10);
    writeFileSync(join(this.folder, 'blocks.ndjson'), blocks);
    await this.command('import', '--data', 'store', 'blocks.ndjson');
    await this.command('export', '--data', 'store', 'exported.ndjson');
    const exported = readFileSync(join(this.folder, 'exported.ndjson'), 'utf8');
    if (exported !== blocks) throw new Error('The exported blocks are not the imported ones.');
  }

  /** Type-checks a module that imports every entry point, the package's own declarations included. */
  async typeCheck(root: string, names: readonly string[]): Promise<void> {
    const imports = names.map((name, index) => `import * as entry${index} from '${name}';`);
    const uses = names.map((_name, index) => `entry${index}`);
    const code = `${imports.join('\n')}\nexport const all = [${uses.join(', ')}];\n`;
    const required = names.map((name, index) => `import entry${index} = require('${name}');`);
    mkdirSync(join(this.folder, 'src'), { recursive: true });
    writeFileSync(
      join(this.folder, 'src', 'required.cts'),
      `${required.join('\n')}\nexport const all = [${uses.join(', ')}];\n`,
    );
    // The declarations speak of Node's own types, which every Node project in TypeScript has, and of an optional peer's.
    await this.#add(root, '@types/node', '@opentelemetry/api');
    await this.#compile(root, code);
  }

  /** Mounts the middleware in an Express app, compiled with Express's own types, and asks it for its status. */
  async mountInExpress(root: string): Promise<void> {
    await this.#add(root, 'express', '@types/express');
    await this.#compile(root, EXPRESS_APP);
    await mustRun(process.execPath, ['--input-type=module', '-e', EXPRESS_APP], { cwd: this.folder });
  }

  /** How long a new process takes to import an entry point, in milliseconds, once for each time asked. */
  async importTimesMs(name: string, times: number): Promise<number[]> {
    const script = `const start = performance.now(); await import(${JSON.stringify(name)}); console.log(performance.now() - start);`;
    const result: number[] = [];
    for (let count = 0; count < times; count++) {
      const output = await mustRun(process.execPath, ['--input-type=module', '-e', script], {
        cwd: this.folder,
      });
      result.push(Number(output));
    }
    return result;
  }

  /** Adds packages in the versions that the project itself is developed with. */
  async #add(root: string, ...packages: readonly string[]): Promise<void> {
    const wanted = packages.map((name) => `${name}@${installedVersion(root, name)}`);
    await mustRun('npm', ['install', '--silent', '--prefer-offline', ...wanted], { cwd: this.folder });
  }

  async #compile(root: string, code: string): Promise<void> {
    const folder = join(this.folder, 'src');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index.ts'), code);
    writeFileSync(join(this.folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    await mustRun(process.execPath, [compiler, '-p', this.folder], { cwd: this.folder });
  }
}

function installedVersion(root: string, name: string): string {
  const manifest = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** A `sealed-json` chain, one document a line (protocol section 1.4). */
function sealedBlocks(count: number): string {
  let previous = '0'.repeat(64);
  let text = '';
  for (let height = 0; height < count; height++) {
    const rest = `"height":${height},"previousHash":"${previous}","timestamp":${1_700_000_000_000 + height},"records":[6.0]}`;
    previous = createHash('sha256').update(`{${rest}`).digest('hex');
    text += `{"hash":"${previous}",${rest}\n`;
  }
  return text;
}
