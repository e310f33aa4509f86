import { posix } from 'node:path';
import type { Machine } from '../machine/machine.ts';
import { resolveOwner } from '../ownership/owner.ts';
import { findServiceManager, type ServiceManager } from '../service-manager/service-manager.ts';
import { oneLine, stepFailed, stepInvalid } from '../step-error.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import type { Action } from './plugin.ts';
import { definePlugin } from './plugin.ts';

const SUFFIX = /\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;
const DEFAULT_DROP_IN = 'override-bowline.conf';

/**
 * Enables, disables, masks, starts units and adapts them by drop-ins, in this order. Where systemd does not run yet, before
 * the switch to the image's root, units are enabled in its files; names of services work with OpenRC, too.
 */
export const systemctl = definePlugin({
  key: 'systemctl',
  actions: ({ enable = [], disable = [], mask = [], start = [], overrides = [] }) => [
    ...units(enable).map((unit) => unitAction('enable', unit)),
    ...units(disable).map((unit) => unitAction('disable', unit)),
    ...units(mask).map((unit) => unitAction('mask', unit)),
    ...units(start).map((unit) => unitAction('start', unit)),
    ...overrides.map((override) => dropInAction(override)),
  ],
});

/** Names may be several in a line, and without `.service`. */
function units(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.trim().split(/\s+/).map(withSuffix));
}

function withSuffix(name: string): string {
  return SUFFIX.test(name) ? name : `${name}.service`;
}

/** Throws STEP_INVALID; when the action runs, so that the other units are not held up. */
function refuseBadUnit(unit: string): void {
  if (/^[A-Za-z0-9:_\\@][A-Za-z0-9:_.\\@-]{0,254}$/.test(unit) && !unit.includes('..')) return;
  const hint = unit.startsWith('-') ? 'Options cannot be given here; start has a list of its own.' : undefined;
  throw stepInvalid(`${JSON.stringify(oneLine(unit))} is no name of a unit`, hint);
}

function unitAction(verb: 'enable' | 'disable' | 'mask' | 'start', unit: string): Action {
  return {
    summary: `${verb} ${oneLine(unit)}`,
    run: async (machine: Machine) => {
      refuseBadUnit(unit);
      const manager: ServiceManager = await findServiceManager(machine);
      return manager[verb](unit);
    },
  };
}

function dropInAction(override: { service: string; name?: string | undefined; content: string }): Action {
  const unit = withSuffix(override.service.trim());
  const name = override.name || DEFAULT_DROP_IN;
  // systemd reads no other files.
  const file = name.endsWith('.conf') ? name : `${name}.conf`;
  const path = posix.join('/etc/systemd/system', `${unit}.d`, file);
  return {
    summary: `write ${oneLine(path)}`,
    run: async (machine: Machine) => {
      refuseBadUnit(unit);
      if (/[/\0\n]/.test(name) || name.startsWith('.')) {
        throw stepInvalid(`${JSON.stringify(oneLine(name))} is no file name`);
      }
      const manager = await findServiceManager(machine);
      if (!manager.readsDropIns) {
        throw stepFailed('drop-ins mean nothing to OpenRC', 'Write /etc/conf.d with files instead.');
      }
      const owner = await resolveOwner(machine, {});
      const changed = await writeSystemFile(machine, path, override.content, { mode: 0o644, owner });
      if (changed) await manager.reload();
      return { changed };
    },
  };
}
