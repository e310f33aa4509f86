import { lstat, rm } from 'node:fs/promises';
import { resolveOwner } from '../ownership/owner.ts';
import { oneLine, stepInvalid } from '../step-error.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { definePlugin } from './plugin.ts';

const DEFAULT_PATH = '/etc/resolv.conf';

/**
 * Writes resolv.conf(5). A link at that path, such as systemd-resolved's to a file in /run, is replaced by a file: whoever
 * names servers wants these, and the link's file belongs to the service that rewrites it.
 */
export const dns = definePlugin({
  key: 'dns',
  actions: ({ nameservers = [], search = [], options = [], path = DEFAULT_PATH }) => {
    if (nameservers.length === 0) return [];
    const text = resolverText(nameservers, search, options);
    return [
      {
        summary: `write ${oneLine(path)} (${nameservers.length} name servers)`,
        run: async (machine) => {
          const owner = await resolveOwner(machine, {});
          const isLink = await lstat(machine.locate(path)).then(
            (stats) => stats.isSymbolicLink(),
            () => false,
          );
          if (isLink) await rm(machine.locate(path));
          return { changed: await writeSystemFile(machine, path, text, { mode: 0o644, owner }) };
        },
      },
    ];
  },
});

function resolverText(nameservers: readonly string[], search: readonly string[], options: readonly string[]): string {
  const words = [...nameservers, ...search, ...options];
  // A line break would be a second setting in disguise.
  if (words.some((word) => /[\n\r\0]/.test(word))) throw stepInvalid('dns: values must be single words');
  const searched = search.join(' ').trim();
  const wanted = options.join(' ').trim();
  return [
    // A dot alone means no search domain.
    ...(searched === '' || searched === '.' ? [] : [`search ${searched}`]),
    ...nameservers.map((server) => `nameserver ${server.trim()}`),
    ...(wanted === '' ? [] : [`options ${wanted}`]),
    '',
  ].join('\n');
}
