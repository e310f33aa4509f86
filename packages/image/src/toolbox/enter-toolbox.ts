import { lstat, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Host, HostError, type ProcessSpec } from '@bowline/host';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import { ImageError } from '../error.ts';
import type { ToolboxRun } from './toolbox.ts';

const PROBE_TIMEOUT_MS = 20_000;
const ENTER_SCRIPT = fileURLToPath(new URL('./enter-chroot.sh', import.meta.url));
const SHOWN_FOLDERS = ['usr', 'etc'];
const LINKED_FOLDERS = ['bin', 'sbin', 'lib', 'lib64'];
/** What a builder who is root must still be able to do to its own user's files. */
const KEPT_CAPABILITIES = ['CAP_DAC_OVERRIDE', 'CAP_CHOWN', 'CAP_FOWNER'];

const ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/sbin:/usr/bin',
  HOME: '/tmp',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  SOURCE_DATE_EPOCH: String(SOURCE_EPOCH),
};

/** A way into the toolbox's root. */
export interface Entrance {
  /** The process of the host that runs a tool inside. */
  process(spec: ToolboxRun): ProcessSpec;
  /** Tells a failure of the entrance itself from one of the tool. */
  explain(error: HostError): Error;
}

/**
 * Finds a way in that works on this machine: bubblewrap, or for root (in a container where that fails) a mount
 * namespace and chroot. Throws ImageError TOOLBOX_FAILED with the cure when there is none.
 */
export async function chooseEntrance(host: Host, root: string): Promise<Entrance> {
  const links = await linksOf(root);
  const entrances = [bubblewrap(host, root, links), ...(host.isRoot ? [chroot(root)] : [])];
  const reasons: string[] = [];
  for (const entrance of entrances) {
    try {
      await host.processes.run(entrance.process({ argv: ['true'], binds: [], timeoutMs: PROBE_TIMEOUT_MS }));
      return entrance;
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new ImageError({
    code: 'TOOLBOX_FAILED',
    message: `cannot enter the toolbox: ${reasons.join('; ')}`,
    hint: cureFor(reasons.join(' ')),
    details: { reasons },
  });
}

function cureFor(reasons: string): string {
  if (reasons.includes('not installed')) return 'Install bubblewrap: apt-get install bubblewrap';
  return 'User namespaces must be allowed: look at the sysctls kernel.unprivileged_userns_clone, user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns; in a container, allow them there too.';
}

async function linksOf(root: string): Promise<[name: string, target: string][]> {
  const links: [string, string][] = [];
  for (const name of LINKED_FOLDERS) {
    const found = await lstat(join(root, name)).catch(() => undefined);
    if (found?.isSymbolicLink()) links.push([name, await readlink(join(root, name))]);
  }
  return links;
}

function toProcess(spec: ToolboxRun, wrapper: readonly [string, ...string[]]): ProcessSpec {
  return {
    argv: [...wrapper, ...spec.argv],
    name: basename(spec.argv[0]),
    stdin: spec.stdin,
    stdout: spec.stdout,
    timeoutMs: spec.timeoutMs,
    signal: spec.signal,
    maxCaptureBytes: spec.maxCaptureBytes,
    okExitCodes: spec.okExitCodes,
  };
}

function explainBy(symptom: RegExp): (error: HostError) => Error {
  return (error) => {
    const tail = error.details?.['stderrTail'];
    const line = typeof tail === 'string' ? symptom.exec(tail)?.[0] : undefined;
    if (error.code !== 'PROCESS_FAILED' || line === undefined) return error;
    return new ImageError({
      code: 'TOOLBOX_FAILED',
      message: `cannot enter the toolbox: ${line}`,
      hint: cureFor(line),
      details: error.details,
      cause: error,
    });
  };
}

/** Entrance by bubblewrap, which an ordinary user can use. */
export function bubblewrap(host: Host, root: string, links: readonly [string, string][]): Entrance {
  // Root keeps its own user IDs: in a user namespace that maps only root, other people's folders would be closed to it.
  const namespaces = host.isRoot
    ? [
        ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
        ...['--cap-drop', 'ALL', ...KEPT_CAPABILITIES.flatMap((name) => ['--cap-add', name])],
      ]
    : ['--unshare-all', '--uid', '0', '--gid', '0'];
  const fixed = [
    ...namespaces,
    ...['--die-with-parent', '--new-session', '--hostname', 'bowline', '--clearenv'],
    ...SHOWN_FOLDERS.flatMap((name) => ['--ro-bind', join(root, name), `/${name}`]),
    ...links.flatMap(([name, target]) => ['--symlink', target, `/${name}`]),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/run', '--dir', '/var/tmp'],
  ];
  return {
    process: (spec) =>
      toProcess(spec, [
        'bwrap',
        ...fixed,
        ...Object.entries({ ...ENVIRONMENT, ...spec.env }).flatMap(([name, value]) => ['--setenv', name, value]),
        ...spec.binds.flatMap((bind) => [bind.writable ? '--bind' : '--ro-bind', bind.source, bind.target]),
        ...['--remount-ro', '/', '--chdir', '/', '--'],
      ]),
    explain: explainBy(/^bwrap: .*$/m),
  };
}

/** Entrance for root where bubblewrap fails: namespaces by unshare, the view by a script, then chroot. */
export function chroot(root: string): Entrance {
  return {
    process: (spec) =>
      toProcess(spec, [
        ...(['unshare', '--mount', '--pid', '--net', '--ipc', '--uts', '--fork', '--kill-child', '--'] as const),
        ...['sh', ENTER_SCRIPT, root],
        ...spec.binds.flatMap((bind) => [bind.writable ? 'rw' : 'ro', bind.source, bind.target]),
        '--',
        ...['env', '-i'],
        ...Object.entries({ ...ENVIRONMENT, ...spec.env }).map(([name, value]) => `${name}=${value}`),
      ]),
    explain: explainBy(/^(?:unshare|mount|chroot): .*$/m),
  };
}
