import type { Machine } from '../machine/machine.ts';
import { runProgram } from '../machine/run-program.ts';
import { findPackageTool, packageState } from '../package-tool/package-tool.ts';
import { oneLine, stepInvalid } from '../step-error.ts';
import type { Action } from './plugin.ts';
import { definePlugin } from './plugin.ts';

type Verb = 'refresh' | 'upgrade' | 'install' | 'remove';
const TIMEOUT_MS = 60 * 60_000;

/** Changes packages where the root can be written; on an immutable root it says what to do instead. */
export const packages = definePlugin({
  key: 'packages',
  actions: ({ refresh = false, upgrade = false, install = [], remove = [] }) => [
    ...(refresh ? [packageAction('refresh', 'refresh the lists of packages', [])] : []),
    ...(upgrade ? [packageAction('upgrade', 'upgrade all packages', [])] : []),
    ...(install.length > 0 ? [packageAction('install', `install ${oneLine(install.join(', '))}`, install)] : []),
    ...(remove.length > 0 ? [packageAction('remove', `remove ${oneLine(remove.join(', '))}`, remove)] : []),
  ],
});

function packageAction(verb: Verb, summary: string, names: readonly string[]): Action {
  return {
    summary,
    run: async (machine: Machine) => {
      const tool = await findPackageTool(machine);
      const words: string[] = [];
      for (const name of names) words.push(...(await machine.render(name)).trim().split(/\s+/));
      const bad = words.find((word) => word === '' || word.startsWith('-'));
      if (bad !== undefined) throw stepInvalid(`${JSON.stringify(oneLine(bad))} is no name of a package`);
      const before = await packageState(machine, tool);
      await runProgram(machine, tool.program, [...tool[verb], ...words], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
        timeoutMs: TIMEOUT_MS,
      });
      return { changed: (await packageState(machine, tool)) !== before };
    },
  };
}
