import { readFile } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { resolveOwner } from '../ownership/owner.ts';
import { findPackageTool } from '../package-tool/package-tool.ts';
import { oneLine, stepFailed, stepInvalid } from '../step-error.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { definePlugin } from './plugin.ts';

/** Above 1000 apt takes the version even if it is older than the installed one. */
const PRIORITY = 1001;

/** Holds packages at versions where the root can be written, with apt and apk; elsewhere it says what to do instead. */
export const packagePins = definePlugin({
  key: 'package_pins',
  actions: (config) => {
    const pins = Object.entries(config).map(([name, version]): [string, string] => [name.trim(), version.trim()]);
    const bad = pins.find(([name, version]) => !/^[\w.+:*-]+$/.test(name) || !/^[\w.+:~*^-]+$/.test(version));
    if (bad !== undefined)
      throw stepInvalid(`package_pins: ${oneLine(bad[0])} has no name and version that can be held`);
    if (pins.length === 0) return [];
    return [
      {
        summary: `hold ${oneLine(pins.map((pin) => pin.join(' ')).join(', '))}`,
        run: async (machine) => {
          const tool = await findPackageTool(machine);
          const [path, text] = await pinFile(machine, tool.program, pins);
          const owner = await resolveOwner(machine, {});
          return { changed: await writeSystemFile(machine, path, text, { mode: 0o644, owner }) };
        },
      },
    ];
  },
});

async function pinFile(machine: Machine, program: string, pins: [string, string][]): Promise<[string, string]> {
  if (program === 'apt-get') {
    const entries = pins.map(
      ([name, version]) => `Package: ${name}\nPin: version ${version}\nPin-Priority: ${PRIORITY}\n`,
    );
    return ['/etc/apt/preferences.d/99-bowline-pins', entries.join('\n')];
  }
  if (program === 'apk') {
    const old = await readFile(machine.locate('/etc/apk/world'), 'utf8').catch(() => '');
    const pinned = new Map(pins);
    const others = old.split('\n').filter((line) => line !== '' && !pinned.has(line.split(/[<>=~@]/)[0] ?? ''));
    return ['/etc/apk/world', `${[...others, ...pins.map((pin) => pin.join('='))].join('\n')}\n`];
  }
  throw stepFailed(`package_pins is not supported with ${program}`, 'Name the versions in packages: of the bowl.');
}
