import { access, constants, stat } from 'node:fs/promises';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { programMissing } from '../machine/run-program.ts';

/** A package manager, in words of its own command line. */
export interface PackageTool {
  program: 'apt-get' | 'dnf' | 'zypper' | 'apk' | 'pacman';
  refresh: readonly string[];
  upgrade: readonly string[];
  install: readonly string[];
  remove: readonly string[];
  /** What changes when packages do. */
  database: string;
}

const TOOLS: readonly PackageTool[] = [
  {
    program: 'apt-get',
    refresh: ['-y', 'update'],
    upgrade: ['-y', 'upgrade'],
    install: ['-y', '--no-install-recommends', 'install'],
    remove: ['-y', 'remove'],
    database: '/var/lib/dpkg/status',
  },
  {
    program: 'dnf',
    refresh: ['-y', 'makecache'],
    upgrade: ['-y', 'upgrade'],
    install: ['-y', '--setopt=install_weak_deps=False', 'install'],
    remove: ['-y', 'remove'],
    database: '/usr/lib/sysimage/rpm',
  },
  {
    program: 'zypper',
    refresh: ['--non-interactive', 'refresh'],
    upgrade: ['--non-interactive', 'update'],
    install: ['--non-interactive', 'install', '--no-recommends'],
    remove: ['--non-interactive', 'remove'],
    database: '/usr/lib/sysimage/rpm',
  },
  {
    program: 'apk',
    refresh: ['update'],
    upgrade: ['upgrade'],
    install: ['add'],
    remove: ['del'],
    database: '/lib/apk/db/installed',
  },
  {
    program: 'pacman',
    refresh: ['-Sy', '--noconfirm'],
    upgrade: ['-Su', '--noconfirm'],
    install: ['-S', '--noconfirm', '--needed'],
    remove: ['-R', '--noconfirm'],
    database: '/var/lib/pacman/local',
  },
];

/** The package manager of the machine. Throws AgentError IMMUTABLE_ROOT | PROGRAM_MISSING. */
export async function findPackageTool(machine: Machine): Promise<PackageTool> {
  await refuseImmutableRoot(machine);
  for (const tool of TOOLS) {
    if ((await machine.program(tool.program)) !== undefined) return tool;
  }
  throw programMissing('package manager', 'Known are apt-get, dnf, zypper, apk and pacman.');
}

async function refuseImmutableRoot(machine: Machine): Promise<void> {
  const isWritable = await access(machine.locate('/usr'), constants.W_OK).then(
    () => true,
    () => false,
  );
  if (isWritable) return;
  throw new AgentError({
    code: 'IMMUTABLE_ROOT',
    message: 'packages cannot be changed on a running machine: its root is immutable',
    hint: 'Name them under packages: of the bowl and build the image anew.',
  });
}

/** A mark that differs when packages changed. */
export async function packageState(machine: Machine, tool: PackageTool): Promise<string> {
  const stats = await stat(machine.locate(tool.database), { bigint: true }).catch(() => undefined);
  return stats === undefined ? '' : `${stats.ino}.${stats.mtimeNs}.${stats.size}`;
}
