import { readFile } from 'node:fs/promises';
import type { Machine } from '../machine/machine.ts';
import { resolveOwner } from '../ownership/owner.ts';
import { oneLine, stepInvalid } from '../step-error.ts';
import { findFileTarget } from '../system-file/link-target.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { definePlugin } from './plugin.ts';

const DEFAULT_PATH = '/etc/environment';

/** Sets variables in /etc/environment, or in environment_file; other lines stay as they are. Values are templates. */
export const environment = definePlugin({
  key: 'environment',
  actions: (config, step) => {
    const names = Object.keys(config);
    const path = step.environment_file || DEFAULT_PATH;
    if (names.length === 0) return [];
    const bad = names.find((name) => !/^[A-Za-z_]\w*$/.test(name));
    if (bad !== undefined) throw stepInvalid(`${JSON.stringify(oneLine(bad))} is no name of a variable`);
    return [
      {
        summary: `set ${names.join(', ')} in ${oneLine(path)}`,
        run: async (machine) => {
          const target = await findFileTarget(machine, path);
          const old = target.stats === undefined ? '' : await readFile(target.path, 'utf8');
          const text = mergeVariables(old, await renderValues(machine, config));
          const owner = await resolveOwner(machine, {});
          return { changed: await writeSystemFile(machine, path, text, { mode: 0o644, owner }) };
        },
      },
    ];
  },
});

async function renderValues(machine: Machine, config: Record<string, string>): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(config)) values.set(name, await machine.render(value));
  return values;
}

/** A file of NAME=value lines with these variables: replaced where they stand first, else appended. */
export function mergeVariables(text: string, values: ReadonlyMap<string, string>): string {
  const done = new Set<string>();
  const lines = text.split('\n').flatMap((line) => {
    const [, start = '', name = ''] = /^\s*(export\s+)?([A-Za-z_]\w*)\s*=/.exec(line) ?? [];
    const value = values.get(name);
    if (value === undefined) return [line];
    if (done.has(name)) return [];
    done.add(name);
    return [`${start}${name}=${quote(value)}`];
  });
  while (lines.at(-1) === '') lines.pop();
  const added = [...values].filter(([name]) => !done.has(name)).map(([name, value]) => `${name}=${quote(value)}`);
  return `${[...lines, ...added].join('\n')}\n`;
}

/** Quoted only where need be, in the way that shells, systemd and dotenv readers agree on. */
function quote(value: string): string {
  if (/^[\w@%+=:,./-]*$/.test(value)) return value;
  return `"${value
    .replaceAll(/["\\$`]/g, String.raw`\$&`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', '')}"`;
}
