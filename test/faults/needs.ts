import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a row needs of the machine. */
export type Need =
  | 'Linux'
  | 'root'
  | 'network namespaces'
  | 'iptables'
  | 'tbf'
  | 'TUN devices'
  | 'ext4 loop mount'
  | 'tmpfs'
  | 'strace'
  | 'libfaketime'
  | 'libeatmydata';

type Probe = () => string | null;

/** The packages of Debian that have what is needed, for those who lack it. */
export const PACKAGES = [
  'iproute2',
  'iptables',
  'e2fsprogs',
  'python3',
  'strace',
  'faketime',
  'libeatmydata1',
];

const NAMESPACE = `bff${process.pid}probe`;

const PROBES: Readonly<Record<Need, Probe>> = {
  Linux: () => (process.platform === 'linux' ? null : `this is ${process.platform}`),
  root: () => (process.getuid?.() === 0 ? null : 'root is needed'),
  'network namespaces': () =>
    first(asRoot, has('ip', 'iproute2'), () => {
      const made = works('no network namespace can be made', 'ip', 'netns', 'add', NAMESPACE);
      spawnSync('ip', ['netns', 'del', NAMESPACE]);
      return made;
    }),
  iptables: () => inNamespace(has('iptables', 'iptables'), 'iptables has no rights', 'iptables', '-L', '-n'),
  tbf: () =>
    first(asRoot, has('tc', 'iproute2'), () => {
      spawnSync('ip', ['netns', 'add', NAMESPACE]);
      const inside = ['ip', ['netns', 'exec', NAMESPACE]] as const;
      spawnSync(inside[0], [...inside[1], 'ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1']);
      const rate = ['tc', 'qdisc', 'add', 'dev', 'v0', 'root', 'tbf', 'rate', '1mbit', 'burst', '32kb'];
      const made = works('the kernel has no tbf', inside[0], ...inside[1], ...rate, 'latency', '400ms');
      spawnSync('ip', ['netns', 'del', NAMESPACE]);
      return made;
    }),
  'TUN devices': () =>
    first(asRoot, has('python3', 'python3'), () =>
      existsSync('/dev/net/tun') ? null : 'there is no /dev/net/tun',
    ),
  'ext4 loop mount': () => first(asRoot, has('mkfs.ext4', 'e2fsprogs'), has('python3', 'python3'), loopMount),
  tmpfs: () =>
    first(asRoot, () => {
      const at = mkdtempSync(join(tmpdir(), 'blockferry-probe-'));
      const made = works('no tmpfs can be mounted', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at);
      spawnSync('umount', [at]);
      rmSync(at, { recursive: true, force: true });
      return made;
    }),
  strace: () =>
    first(has('strace', 'strace'), () =>
      works(
        'strace may not trace',
        'strace',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        'inject=sync:error=EIO',
        'true',
      ),
    ),
  libfaketime: () => (libraryOf('faketime') === null ? 'libfaketime is missing (package faketime)' : null),
  libeatmydata: () =>
    libraryOf('eatmydata') === null ? 'libeatmydata is missing (package libeatmydata1)' : null,
};

const LIBRARIES = {
  faketime: { folders: ['faketime'], file: 'libfaketime.so.1' },
  eatmydata: { folders: [''], file: 'libeatmydata.so' },
} as const;

/** Path of a library that is loaded before others; `null` when it is not installed. */
export function libraryOf(name: keyof typeof LIBRARIES): string | null {
  const { folders, file } = LIBRARIES[name];
  if (!existsSync('/usr/lib')) return null;
  const roots = ['', ...readdirSync('/usr/lib').filter((each) => each.includes('-linux-'))];
  const paths = roots.flatMap((root) => folders.map((folder) => join('/usr/lib', root, folder, file)));
  return paths.find((path) => existsSync(path)) ?? null;
}

const known = new Map<Need, string | null>();

/** Why a need is not met here; `null` when it is. Each is tried once. */
export function lacking(need: Need): string | null {
  const reason = known.get(need);
  if (reason !== undefined) return reason;
  const found = PROBES[need]();
  known.set(need, found);
  return found;
}

function asRoot(): string | null {
  return first(PROBES.Linux, PROBES.root);
}

function has(program: string, debianPackage: string): Probe {
  return () => {
    const found = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
    return found ? null : `${program} is missing (package ${debianPackage})`;
  };
}

function inNamespace(before: Probe, reason: string, ...words: readonly string[]): string | null {
  return first(asRoot, before, () => {
    spawnSync('ip', ['netns', 'add', NAMESPACE]);
    const made = works(reason, 'ip', 'netns', 'exec', NAMESPACE, ...words);
    spawnSync('ip', ['netns', 'del', NAMESPACE]);
    return made;
  });
}

function loopMount(): string | null {
  const at = mkdtempSync(join(tmpdir(), 'blockferry-probe-'));
  const script = 'truncate -s 16M i && mkfs.ext4 -q -F i && mkdir m && mount -o loop i m && umount m';
  const made = works('no ext4 image can be mounted', 'sh', '-c', `cd "${at}" && ${script}`);
  rmSync(at, { recursive: true, force: true });
  return made;
}

function works(reason: string, file: string, ...args: readonly string[]): string | null {
  const { status, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? null : `${reason}: ${(stderr || 'it failed').trim().split('\n')[0] ?? ''}`;
}

function first(...probes: readonly Probe[]): string | null {
  for (const probe of probes) {
    const reason = probe();
    if (reason !== null) return reason;
  }
  return null;
}
