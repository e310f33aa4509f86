import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/machine.ts';
import { programMissing, runProgram } from '../machine/run-program.ts';
import type { Outcome } from '../plugins/plugin.ts';
import { stepFailed } from '../step-error.ts';
import { disableByLinks, enableByLinks, hasUnits, maskByLink } from './unit-links.ts';

/** What can be done with a service. Each does nothing where it is so already. */
export interface ServiceManager {
  enable(unit: string): Promise<Outcome>;
  disable(unit: string): Promise<Outcome>;
  mask(unit: string): Promise<Outcome>;
  start(unit: string): Promise<Outcome>;
  /** Has it read its files again; where it does not run, it will read them anyway. */
  reload(): Promise<void>;
  /** Whether drop-ins of units mean anything to it. */
  readonly readsDropIns: boolean;
}

const UNIT_FOLDER = '/etc/systemd/system';
const START_TIMEOUT_MS = 5 * 60_000;
const NOT_RUNNING: Outcome = {
  changed: false,
  note: 'not started: systemd does not run yet; enabled units start by themselves',
};

/** The service manager of the machine. Throws AgentError PROGRAM_MISSING where there is none that is known. */
export async function findServiceManager(machine: Machine): Promise<ServiceManager> {
  if ((await machine.program('systemctl')) !== undefined) return systemd(machine, await isSystemdRunning(machine));
  if ((await machine.program('rc-update')) !== undefined) return openrc(machine);
  if (await hasUnits(machine)) return unitFilesOnly(machine);
  throw programMissing('service manager that is known', 'Known are systemd and OpenRC; start services with commands.');
}

/** True when systemd is PID 1 and sees the same root as the agent: not before the switch to the root of the image. */
async function isSystemdRunning(machine: Machine): Promise<boolean> {
  const [booted, own, first] = await Promise.all(
    ['/run/systemd/system', '/', '/proc/1/root/.'].map((path) => stat(machine.locate(path)).catch(() => undefined)),
  );
  return booted !== undefined && own !== undefined && first?.dev === own.dev && first.ino === own.ino;
}

function systemd(machine: Machine, isRunning: boolean): ServiceManager {
  const where = isRunning ? [] : [`--root=${machine.root}`];
  const systemctl = (...args: string[]) =>
    runProgram(machine, 'systemctl', [...where, ...args], { timeoutMs: START_TIMEOUT_MS });
  const change = (verb: 'enable' | 'disable' | 'mask') => (unit: string) =>
    watchLinks(machine, UNIT_FOLDER, async () => {
      await systemctl(verb, '--', unit);
    });
  return {
    enable: change('enable'),
    disable: change('disable'),
    mask: change('mask'),
    start: async (unit) => {
      if (!isRunning) return NOT_RUNNING;
      const args = ['is-active', '--quiet', '--', unit];
      // 0 is active; every other code has some other state of the unit.
      const okExitCodes = [0, 1, 2, 3, 4];
      if ((await runProgram(machine, 'systemctl', args, { okExitCodes })).exitCode === 0) return { changed: false };
      await systemctl('start', '--', unit);
      return { changed: true };
    },
    reload: async () => {
      if (isRunning) await systemctl('daemon-reload');
    },
    readsDropIns: true,
  };
}

function openrc(machine: Machine): ServiceManager {
  const named = async (unit: string): Promise<string> => {
    const name = unit.replace(/\.service$/, '');
    const exists = await stat(machine.locate(join('/etc/init.d', name))).catch(() => undefined);
    if (exists !== undefined) return name;
    throw stepFailed(`OpenRC has no service ${name}`, 'Look at the names in /etc/init.d.');
  };
  const change = (args: (name: string) => string[]) => async (unit: string) => {
    const name = await named(unit);
    return watchLinks(machine, '/etc/runlevels', async () => {
      await runProgram(machine, 'rc-update', args(name));
    });
  };
  const isIn = async (name: string) =>
    (await linksBelow(machine.locate('/etc/runlevels'))).some((link) => link.includes(`/${name} `));
  const remove = change((name) => ['--all', 'del', name]);
  return {
    enable: change((name) => ['add', name, 'default']),
    // rc-update fails for what is in no runlevel.
    disable: async (unit) => ((await isIn(await named(unit))) ? remove(unit) : { changed: false }),
    mask: async () => {
      throw stepFailed('OpenRC cannot mask services', 'Disable the service instead.');
    },
    start: async (unit) => {
      const name = await named(unit);
      const status = await runProgram(machine, 'rc-service', [name, 'status'], {
        okExitCodes: [0, 1, 3, 4, 8, 16, 32],
      });
      if (status.exitCode === 0) return { changed: false };
      await runProgram(machine, 'rc-service', [name, 'start'], { timeoutMs: START_TIMEOUT_MS });
      return { changed: true };
    },
    reload: async () => undefined,
    readsDropIns: false,
  };
}

function unitFilesOnly(machine: Machine): ServiceManager {
  const change = (links: (machine: Machine, unit: string) => Promise<void>) => (unit: string) =>
    watchLinks(machine, UNIT_FOLDER, () => links(machine, unit));
  return {
    enable: change(enableByLinks),
    disable: change(disableByLinks),
    mask: change(maskByLink),
    start: async () => NOT_RUNNING,
    reload: async () => undefined,
    readsDropIns: true,
  };
}

/** Does something and says whether links below a folder have changed by it. */
async function watchLinks(machine: Machine, folder: string, act: () => Promise<void>): Promise<Outcome> {
  const at = machine.locate(folder);
  const before = await linksBelow(at);
  await act();
  return { changed: (await linksBelow(at)).join('\n') !== before.join('\n') };
}

async function linksBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const links = entries
    .filter((entry) => entry.isSymbolicLink())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${path} -> ${await readlink(path).catch(() => '')}`;
    });
  return (await Promise.all(links)).toSorted();
}
