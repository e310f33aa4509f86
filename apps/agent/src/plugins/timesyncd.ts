import { readFile } from 'node:fs/promises';
import { resolveOwner } from '../ownership/owner.ts';
import { stepInvalid } from '../step-error.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { definePlugin } from './plugin.ts';

const PATH = '/etc/systemd/timesyncd.conf.d/10-bowline.conf';

/** Settings of systemd-timesyncd; those of an earlier step stay. It reads them when it starts. */
export const timesyncd = definePlugin({
  key: 'timesyncd',
  actions: (config) => {
    const wanted = Object.entries(config).filter((entry): entry is [string, string] => entry[1] !== undefined);
    if (wanted.length === 0) return [];
    if (wanted.some(([, value]) => /[\n\r\0]/.test(value))) throw stepInvalid('timesyncd: values must be single lines');
    return [
      {
        summary: `write ${PATH} (${wanted.map(([key]) => key).join(', ')})`,
        run: async (machine) => {
          const old = await readFile(machine.locate(PATH), 'utf8').catch(() => '');
          const settings = new Map([...parseSettings(old), ...wanted]);
          const text = ['[Time]', ...[...settings].map(([key, value]) => `${key}=${value}`), ''].join('\n');
          const owner = await resolveOwner(machine, {});
          return { changed: await writeSystemFile(machine, PATH, text, { mode: 0o644, owner }) };
        },
      },
    ];
  },
});

function parseSettings(text: string): [string, string][] {
  return text.split('\n').flatMap((line): [string, string][] => {
    const [, key, value] = /^\s*([A-Za-z]+)\s*=\s*(.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value]];
  });
}
