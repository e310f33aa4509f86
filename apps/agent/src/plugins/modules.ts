import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';
import { oneLine, stepInvalid } from '../step-error.ts';
import { definePlugin } from './plugin.ts';

/** Loads kernel modules, with parameters after the name if need be: `dummy numdummies=2`. */
export const modules = definePlugin({
  key: 'modules',
  actions: (config) =>
    config.map((entry) => {
      const [name = '', ...parameters] = entry.trim().split(/\s+/);
      return {
        summary: `load kernel module ${oneLine(entry)}`,
        run: async (machine: Machine) => {
          refuseBadEntry(entry, name, parameters);
          const before = await loadedModules(machine);
          if (before.has(canonical(name))) return { changed: false };
          if (await isBuiltIn(machine, name)) return { changed: false, note: 'it is built into the kernel' };
          await runProgram(machine, 'modprobe', [name, ...parameters], {
            missingHint: 'Add kmod to packages: of the bowl.',
          });
          // A name can be an alias of a module that is there already.
          const after = await loadedModules(machine);
          return { changed: [...after].some((module) => !before.has(module)) };
        },
      };
    }),
});

/** Throws STEP_INVALID; an option of modprobe could remove modules. */
function refuseBadEntry(entry: string, name: string, parameters: readonly string[]): void {
  const isName = /^[A-Za-z0-9_][A-Za-z0-9_.:*-]*$/.test(name);
  if (isName && !parameters.some((word) => word.startsWith('-') || word.includes('\0'))) return;
  throw stepInvalid(`${JSON.stringify(oneLine(entry))} is no kernel module`, 'Write its name, then its parameters.');
}

/** The kernel takes - and _ for the same. */
function canonical(name: string): string {
  return name.replaceAll('-', '_');
}

async function loadedModules(machine: Machine): Promise<Set<string>> {
  const text = await readFile(machine.locate('/proc/modules'), 'utf8').catch(() => '');
  return new Set(text.split('\n').flatMap((line) => (line === '' ? [] : [canonical(line.split(' ')[0] ?? '')])));
}

async function isBuiltIn(machine: Machine, name: string): Promise<boolean> {
  const version = (await readFile(machine.locate('/proc/sys/kernel/osrelease'), 'utf8').catch(() => release())).trim();
  const text = await readFile(machine.locate(`/lib/modules/${version}/modules.builtin`), 'utf8').catch(() => '');
  return text.split('\n').some((line) => canonical(/([^/]+)\.ko/.exec(line)?.[1] ?? '') === canonical(name));
}
