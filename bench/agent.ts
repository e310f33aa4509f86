import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { LocalBlobStore, nodeHost, type TaskProgress, withScratchFolder } from '@bowline/host';
import { agentSource } from '../packages/image/src/agent/agent-source.ts';
import { buildAgent } from '../packages/image/src/agent/build-agent.ts';
import { fetchInitrdPackages } from '../packages/image/src/initrd/initrd-packages.ts';
import { prepareToolbox } from '../packages/image/src/toolbox/prepare-toolbox.ts';
import { measure, type Sample } from './measure.ts';
import { describeMachine, writeReport } from './report.ts';

/**
 * `node bench/agent.ts [--runs N] [--write]`: what the agent costs on a machine: its size, its start, and a start-up with a
 * configuration. It is the real program of this architecture, in a root of its own (chroot), so it needs root.
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '15' }, write: { type: 'boolean' } } });
const runs = Number(values.runs);
const MB = 1e6;
const TIMEOUT_MS = 10 * 60_000;
const AGENT = '/usr/lib/bowline/bowline-agent';
const CONFIG = `#cloud-config
hostname: bench
stages:
  initramfs:
    - users: { ada: { groups: [staff], shell: /bin/sh, ssh_authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJt0V7ZtG5m3mI7r8m0H0m2aP4w3V1mJ0m8wq3l6s9Zk ada"] } }
      files: [{ path: /etc/motd, content: "hello\\n", permissions: 0644 }]
      commands: ["true"]
  boot:
    - directories: [{ path: /var/lib/site, permissions: 0755 }]
      files: [{ path: /var/lib/site/file, content: "boot\\n", permissions: 0600 }]
      commands: ["true"]
`;

const host = nodeHost();
const cacheFolder = resolve(process.env['BOWLINE_CACHE'] ?? join(homedir(), '.cache/bowline'));
const store = await LocalBlobStore.open(join(cacheFolder, 'store'));
const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
const signal = new AbortController().signal;
const progress: TaskProgress = {
  task: (_title, work) => work(progress),
  warn: () => undefined,
  bytes: () => undefined,
  note: () => undefined,
};

/** The agent's layer: path of its tar in the store. */
async function agentTar(): Promise<string> {
  const base = { host, store, cacheFolder, progress, signal, offline: false };
  const toolbox = await prepareToolbox(base);
  return await withScratchFolder(join(cacheFolder, 'scratch'), async (scratch) => {
    const packages = await fetchInitrdPackages({ ...base, arch, scratch, update: false });
    const source = agentSource(
      fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, ''),
      'apps/agent/src/main.ts',
    );
    return await store.path((await buildAgent({ ...base, source, arch, packages, toolbox, scratch })).diffId);
  });
}

/** A root with the shell of this machine, the agent and a configuration. */
async function makeRoot(folder: string, tar: string): Promise<string> {
  const root = join(folder, 'root');
  for (const name of ['proc', 'run/bowline/cloud-config', 'etc', 'tmp', 'dev', 'oem', 'home', 'var'])
    await mkdir(join(root, name), { recursive: true });
  await host.processes.run({ argv: ['tar', '-xf', tar, '-C', root], timeoutMs: TIMEOUT_MS });
  const busybox = join(cacheFolder, 'test-fixtures', `tiny-${arch}`, 'busybox');
  if (!existsSync(busybox))
    throw new Error('run the system tests once: they fetch the busybox that is the shell of this root');
  await mkdir(join(root, 'bin'), { recursive: true });
  await host.processes.run({ argv: ['install', '-m', '0755', busybox, join(root, 'bin/sh')], timeoutMs: TIMEOUT_MS });
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nstaff:x:50:\n');
  await writeFile(join(root, 'etc/shadow'), 'root:*:20000:0:99999:7:::\n');
  await writeFile(join(root, 'etc/os-release'), 'ID=bench\n');
  return root;
}

/** Runs the agent in the root, in a mount namespace of its own that has /proc. */
function inRoot(root: string, ...words: string[]): Promise<Sample> {
  const script = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && shift && exec chroot "$@"';
  const argv = ['unshare', '--mount', 'sh', '-c', script, 'sh', root, root, AGENT, ...words] as const;
  return measure({ argv: [...argv] });
}

interface Row {
  name: string;
  target: string;
  samples: Sample[];
}

async function compressedBytes(tar: string, level: string): Promise<number> {
  let bytes = 0;
  const onChunk = (chunk: Uint8Array): void => void (bytes += chunk.length);
  const argv = ['zstd', '-q', '-T2', level, '-c', tar] as const;
  await host.processes.run({ argv: [...argv], stdout: { kind: 'chunks', onChunk }, timeoutMs: TIMEOUT_MS });
  return bytes;
}

const folder = await mkdtemp(join(tmpdir(), 'bowline-bench-'));
try {
  const tar = await agentTar();
  const root = await makeRoot(folder, tar);
  const config = join(root, 'run/bowline/cloud-config/90-bench.yaml');
  const rows: Row[] = [
    { name: 'nothing: chroot and namespace alone', target: '', samples: [] },
    { name: 'start (`version`)', target: '60', samples: [] },
    { name: 'stage without steps', target: '120', samples: [] },
    { name: '`start-up` and `boot`, first time', target: '1000', samples: [] },
    { name: '`start-up` and `boot`, nothing to change', target: '1000', samples: [] },
  ];
  const [nothing, start, empty, first, again] = rows;
  const both = async (row: Row | undefined): Promise<void> => {
    const [one, two] = [await inRoot(root, 'start-up'), await inRoot(root, 'run-stage', 'boot')];
    row?.samples.push({
      ...one,
      wallSeconds: one.wallSeconds + two.wallSeconds,
      cpuSeconds: one.cpuSeconds + two.cpuSeconds,
      peakBytes: Math.max(one.peakBytes, two.peakBytes),
    });
  };
  const load = loadavg()[0] ?? 0;
  for (let run = 0; run < runs; run++) {
    const script = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && shift && exec chroot "$@"';
    nothing?.samples.push(
      await measure({ argv: ['unshare', '--mount', 'sh', '-c', script, 'sh', root, root, '/bin/sh', '-c', ':'] }),
    );
    start?.samples.push(await inRoot(root, 'version'));
    await rm(config, { force: true });
    empty?.samples.push(await inRoot(root, 'run-stage', 'reconcile'));
    await writeFile(config, CONFIG);
    for (const path of ['etc/motd', 'etc/hostname', 'var/lib/site', 'home/ada'])
      await rm(join(root, path), { recursive: true, force: true });
    await both(first);
    await both(again);
  }
  const plain = (await stat(tar)).size;
  const lines = rows.map(({ name, target, samples }) => {
    const walls = samples.map(({ wallSeconds }) => wallSeconds * 1000).toSorted((a, b) => a - b);
    const peak = Math.max(...samples.map(({ peakBytes }) => peakBytes)) / MB;
    const cpu = samples.map(({ cpuSeconds }) => cpuSeconds * 1000).toSorted((a, b) => a - b);
    const middle = Math.floor(walls.length / 2);
    const cells = [walls[0], walls[middle], cpu[middle]].map((value) => (value ?? 0).toFixed(0));
    return `| ${[name, ...cells, target, peak.toFixed(0)].join(' | ')} |`;
  });
  const sizes = [
    ['as it is', plain],
    ['zstd 3', await compressedBytes(tar, '-3')],
    ['zstd 19', await compressedBytes(tar, '-19')],
  ] as const;
  const report = [
    ...(await describeMachine(cacheFolder)).slice(0, 3).map((fact) => `- ${fact}`),
    `- Versions: Node ${process.versions.node}; ${runs} runs each; load when it began: ${load.toFixed(1)}`,
    `- Size of the agent with its libraries, MB: ${sizes.map(([name, bytes]) => `${name} ${(bytes / MB).toFixed(1)}`).join(', ')}`,
    '',
    '| the agent | wall ms, least | wall ms, median | CPU ms, median | target ms | peak RSS MB |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
  process.stdout.write(report);
  if (values.write === true) await writeReport(report, 'node bench/agent.ts --write');
} finally {
  await rm(folder, { recursive: true, force: true });
}
