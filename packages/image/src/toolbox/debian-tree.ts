import { chmod, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BlobStore,
  type Host,
  HostError,
  processOutput,
  removeTree,
  type TaskProgress,
  withScratchFolder,
} from '@bowline/host';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import type { LayerRef } from '../sources/source.ts';
import { type AptConfiguration, debianSources, readAptConfiguration } from './apt-configuration.ts';
import { canonicalTar } from './canonical-tar.ts';

const TIMEOUT_MS = 30 * 60_000;
const DEFAULT_MAX_BYTES = 16 * 2 ** 30;
const PIN_PRIORITY = 1001;
/** The report leaves the tree through mmdebstrap's own channel: in user namespaces no hook may write outside of it. */
const REPORT = 'bowline-packages';

/** Debian releases that trees are made of. */
export type DebianSuite = 'bookworm' | 'trixie' | 'sid';

/** What tree to make of Debian packages. */
export interface DebianTreeSpec {
  suite: DebianSuite;
  arch: Arch;
  /** `extract` only unpacks: no maintainer script runs, any architecture works. The others install, executing code. */
  variant: 'extract' | 'minbase' | 'important' | 'standard';
  /** Packages, optionally `name=version`; their dependencies come along. */
  include: readonly string[];
  /** Versions to take, by package name, dependencies too; what the mirror no longer has is taken newer. */
  pins?: Readonly<Record<string, string>>;
  /** Leave out documentation, manual pages and translations (licences stay). */
  excludeDocs: boolean;
}

/** What making a tree needs. */
export interface DebianTreeContext {
  host: Host;
  store: BlobStore;
  /** Folder for temporary trees; used by root only, because user namespaces cannot reach into private folders. */
  scratch: string;
  progress: TaskProgress;
  signal: AbortSignal;
  maxBytes?: number;
}

/** A tree as a layer in the store, and what is in it. */
export interface DebianTree {
  layer: LayerRef;
  /** Package name to version. */
  packages: Record<string, string>;
}

/**
 * Makes a tree of Debian packages with mmdebstrap and keeps it as an uncompressed tar in the store: same versions, same
 * bytes, for every user and on every release of the host. The mirror is the machine's own; nothing of the machine
 * (sources, proxies, host name, resolver, user IDs) stays in the tree. Needs the network.
 *
 * @throws ImageError TOOL_MISSING | SOURCE_MISSING | TOOLBOX_FAILED, HostError
 */
export async function runMmdebstrap(spec: DebianTreeSpec, context: DebianTreeContext): Promise<DebianTree> {
  const { host, store, progress, signal } = context;
  const apt = await readAptConfiguration(host);
  const sources = debianSources(apt, spec.suite);
  if (sources.length === 0) throw mirrorMissing();
  const parent = host.isRoot ? context.scratch : await sharedScratch();
  const remove = (folder: string) => removeForeignTree(host, folder);
  const work = async (scratch: string): Promise<DebianTree> => {
    // The mapped root of a user namespace is "others" here: it may pass through, not look.
    await chmod(scratch, 0o711);
    const files = await writeInputs(scratch, spec, apt);
    const report = join(scratch, REPORT);
    progress.note(`${spec.suite} ${spec.arch}: fetching packages`);
    const output = processOutput(host.processes, {
      argv: isolated(host, mmdebstrapArgv(spec, apt, { ...files, report, sources, isRoot: host.isRoot })),
      name: 'mmdebstrap',
      env: { ...apt.env, SOURCE_DATE_EPOCH: String(SOURCE_EPOCH), TMPDIR: scratch },
      timeoutMs: TIMEOUT_MS,
      signal,
      stderr: { kind: 'chunks', onChunk: (chunk) => noteStep(progress, chunk) },
    });
    const stored = await store
      // Whether mmdebstrap leaves an empty /dev depends on its version, and on whether its user may make device nodes.
      .ingest(canonicalTar(counted(output, progress), { without: 'dev' }), {
        maxBytes: context.maxBytes ?? DEFAULT_MAX_BYTES,
        signal,
      })
      .catch((error: unknown) => {
        throw explainFailure(error, spec);
      });
    return {
      layer: { diffId: stored.digest, size: stored.size, origin: `debian ${spec.suite} ${spec.arch}` },
      packages: parseReport(await readFile(report, 'utf8'), spec.variant),
    };
  };
  return withScratchFolder(parent, work, remove);
}

interface Inputs {
  aptConf: string;
  preferences: string | undefined;
  report: string;
  sources: readonly string[];
  isRoot: boolean;
}

/** The command line, without side effects. Hooks run in mmdebstrap's own shell; nothing variable is spliced into them. */
export function mmdebstrapArgv(spec: DebianTreeSpec, apt: AptConfiguration, inputs: Inputs): [string, ...string[]] {
  const hooks: string[] = [];
  // Extraction knows only this one kind of hook after its work; installation's last one is another.
  const last = spec.variant === 'extract' ? '--extract-hook=' : '--customize-hook=';
  if (apt.authFolder !== undefined) hooks.push(`--setup-hook=copy-in ${apt.authFolder} /etc/apt`);
  if (inputs.preferences !== undefined) {
    hooks.push(`--setup-hook=upload ${inputs.preferences} /etc/apt/preferences.d/bowline-pins`);
  }
  hooks.push(
    `${last}mkdir -p "$1/tmp"`,
    spec.variant === 'extract'
      ? `${last}LC_ALL=C ls -1 "$1/var/cache/apt/archives" > "$1/tmp/${REPORT}"`
      : `${last}cp "$1/var/lib/dpkg/status" "$1/tmp/${REPORT}"`,
    `${last}download /tmp/${REPORT} ${inputs.report}`,
    // Nothing else of /tmp may go: mmdebstrap keeps the configuration there that holds its apt to the tree.
    `${last}rm -f "$1/tmp/${REPORT}" "$1"/etc/apt/auth.conf.d/* "$1/etc/apt/preferences.d/bowline-pins"`,
    `${last}rm -f "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/*`,
    `${last}rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"`,
    `${last}rm -f "$1/etc/hostname" "$1/etc/resolv.conf"`,
    // Made at random when openssh-server is installed: they would make every tree another one, and are no image's to have.
    `${last}rm -f "$1"/etc/ssh/ssh_host_*`,
    // Instead of mmdebstrap's own cleaning, which has apt make folders again that belong to the machine's own _apt user, or
    // to root where that user cannot reach them.
    `${last}rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/archives/* "$1"/var/cache/apt/*.bin`,
  );
  const exclusions = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];
  return [
    'mmdebstrap',
    `--mode=${inputs.isRoot ? 'root' : 'unshare'}`,
    `--variant=${spec.variant}`,
    `--architectures=${spec.arch}`,
    '--format=tar',
    // Device nodes and the folders of running systems come from devtmpfs and the initrd, never from an image.
    '--skip=output/dev,output/mknod,cleanup/apt',
    ...(spec.include.length === 0 ? [] : [`--include=${spec.include.join(',')}`]),
    `--aptopt=${inputs.aptConf}`,
    ...(spec.excludeDocs ? exclusions.map((path) => `--dpkgopt=path-exclude=${path}`) : []),
    ...(spec.excludeDocs ? ['--dpkgopt=path-include=/usr/share/doc/*/copyright'] : []),
    ...hooks,
    spec.suite,
    '-',
    ...inputs.sources,
  ];
}

/** Names and versions, from the names of the fetched archives or from dpkg's status file. */
export function parseReport(text: string, variant: DebianTreeSpec['variant']): Record<string, string> {
  const found: [string, string][] =
    variant === 'extract'
      ? [...text.matchAll(/^([a-z0-9][a-z0-9+.-]*)_([^_\n]+)_[a-z0-9]+\.deb$/gm)].map(([, name = '', version = '']) => [
          name,
          decodeURIComponent(version),
        ])
      : text.split(/\n\n+/).flatMap((stanza): [string, string][] => {
          const name = /^Package: (\S+)$/m.exec(stanza)?.[1];
          const version = /^Version: (\S+)$/m.exec(stanza)?.[1];
          return name !== undefined && version !== undefined ? [[name, version]] : [];
        });
  return Object.fromEntries(found.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Root can put mmdebstrap into a PID namespace, so that not one of its children survives a kill -9 of this program. */
function isolated(host: Host, argv: [string, ...string[]]): [string, ...string[]] {
  return host.isRoot ? ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--', ...argv] : argv;
}

async function writeInputs(
  scratch: string,
  spec: DebianTreeSpec,
  apt: AptConfiguration,
): Promise<{ aptConf: string; preferences: string | undefined }> {
  const aptConf = join(scratch, 'apt.conf');
  await writeFile(aptConf, apt.options);
  const pins = Object.entries(spec.pins ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (pins.length === 0) return { aptConf, preferences: undefined };
  const preferences = join(scratch, 'preferences');
  const stanzas = pins.map(
    ([name, version]) => `Package: ${name}\nPin: version ${version}\nPin-Priority: ${PIN_PRIORITY}\n`,
  );
  await writeFile(preferences, stanzas.join('\n'));
  return { aptConf, preferences };
}

/** A folder of this user in /tmp which user namespaces can pass through; a planted one is refused. */
async function sharedScratch(): Promise<string> {
  const folder = join(tmpdir(), `bowline-${process.getuid?.() ?? 0}`);
  await mkdir(folder, { mode: 0o711, recursive: true });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new ImageError({
      code: 'TOOLBOX_FAILED',
      message: `${folder} belongs to somebody else`,
      hint: `Remove it, or set TMPDIR to a folder of your own.`,
    });
  }
  await chmod(folder, 0o711);
  return folder;
}

/**
 * Removes a temporary tree, also one whose files belong to this user's subordinate IDs because mmdebstrap was killed
 * before it could clean up: only inside such a user namespace may they be deleted.
 */
async function removeForeignTree(host: Host, folder: string): Promise<void> {
  try {
    await removeTree(folder);
  } catch {
    for (const name of await readdir(folder)) {
      await host.processes
        .run({
          argv: ['mmdebstrap', '--unshare-helper', 'find', join(folder, name), '-mindepth', '1', '-delete'],
          // find returns to where it started, which must be open to the mapped root too.
          cwd: '/',
          timeoutMs: TIMEOUT_MS,
        })
        .catch(() => undefined);
    }
    await removeTree(folder);
  }
}

async function* counted(stream: AsyncIterable<Uint8Array>, progress: TaskProgress): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  for await (const chunk of stream) {
    doneBytes += chunk.length;
    progress.bytes(doneBytes);
    yield chunk;
  }
}

function noteStep(progress: TaskProgress, chunk: Uint8Array): void {
  const steps = Buffer.from(chunk)
    .toString('utf8')
    .matchAll(/^I: (running apt-get update|downloading packages|extracting|installing|creating)/gm);
  for (const [, step = ''] of steps) progress.note(step);
}

function mirrorMissing(): ImageError {
  return new ImageError({
    code: 'SOURCE_MISSING',
    message: 'no Debian mirror is known: the apt sources of this machine name none',
    hint: 'Set BOWLINE_DEBIAN_MIRROR to the URL of a Debian mirror.',
  });
}

function explainFailure(error: unknown, spec: DebianTreeSpec): unknown {
  if (!(error instanceof HostError)) return error;
  if (error.code === 'PROCESS_NOT_FOUND') {
    return new ImageError({
      code: 'TOOL_MISSING',
      message: 'mmdebstrap is not installed; Debian roots are made with it',
      hint: 'Install it: apt-get install mmdebstrap',
      cause: error,
    });
  }
  const tail = error.details?.['stderrTail'];
  const stderr = typeof tail === 'string' ? tail : '';
  const cure = CURES.find(({ symptom }) => symptom.test(stderr));
  if (cure === undefined) return error;
  return new ImageError({
    code: 'TOOLBOX_FAILED',
    message: `could not make a Debian ${spec.suite} tree for ${spec.arch}: ${cure.what}`,
    hint: cure.hint,
    details: { stderrTail: stderr },
    cause: error,
  });
}

/** Failures of mmdebstrap that have a cure outside of this program. */
const CURES: readonly { symptom: RegExp; what: string; hint: string }[] = [
  {
    symptom: /etc\/sub[ug]id|newuidmap|newgidmap|unable to pick.*mode|invalid idmap/i,
    what: 'this user has no range of subordinate user IDs',
    hint: 'Install uidmap and add a range: sudo apt-get install uidmap && sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
  },
  {
    symptom: /can neither be executed natively|binfmt|qemu user emulation|arch-test/i,
    what: 'this machine cannot execute programs of that architecture',
    hint: 'Installing packages executes them: install qemu-user-static and arch-test, or use an image or rootfs base, which need nothing of the kind.',
  },
  {
    symptom: /NO_PUBKEY|is not signed/i,
    what: 'the signature of the mirror cannot be checked',
    hint: 'Install debian-archive-keyring (a newer one, when this machine runs an older release).',
  },
  {
    symptom: /Unable to locate package|has no installation candidate/i,
    what: 'the mirror has no such package',
    hint: 'Check the names of the packages for that release and architecture.',
  },
  {
    symptom: /Could not resolve|Failed to fetch|Connection (?:refused|timed out)|Temporary failure resolving/i,
    what: 'the mirror cannot be reached',
    hint: 'Check the network and the proxy settings of apt, or build with --offline from the store.',
  },
];
