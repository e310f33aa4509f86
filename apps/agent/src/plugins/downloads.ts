import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { downloadFile } from '../download/download.ts';
import { describeUrl, parseWebAddress } from '../download/web-address.ts';
import type { Machine } from '../machine/machine.ts';
import { resolveOwner } from '../ownership/owner.ts';
import { oneLine, stepInvalid } from '../step-error.ts';
import { refuseBadPath } from '../system-file/link-target.ts';
import { definePlugin } from './plugin.ts';

const DEFAULT_MODE = 0o644;

/** Fetches files. A path that is a folder, or ends with a slash, gets a file with the last name of the address. */
export const downloads = definePlugin({
  key: 'downloads',
  actions: (config) =>
    config.map((download) => {
      const mode = download.permissions ?? DEFAULT_MODE;
      return {
        summary: `download ${oneLine(describeUrl(download.url))} to ${oneLine(download.path)} (0${mode.toString(8)})`,
        run: async (machine: Machine) => {
          const url = await machine.render(download.url);
          const owner = await resolveOwner(machine, download);
          const path = await filePath(machine, download.path, parseWebAddress(url));
          // 0 means the default, as it always did.
          const timeoutMs = download.timeout ? download.timeout * 1000 : undefined;
          return { changed: await downloadFile(machine, url, path, { mode, owner, timeoutMs }) };
        },
      };
    }),
});

async function filePath(machine: Machine, path: string, url: URL): Promise<string> {
  refuseBadPath(path);
  const isFolder =
    path.endsWith('/') ||
    (await stat(machine.locate(path)).then(
      (stats) => stats.isDirectory(),
      () => false,
    ));
  if (!isFolder) return path;
  const name = decodedName(url);
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw stepInvalid(`${path} is a folder, and the address has no file name`, 'Write the path of the file.');
  }
  return posix.join(path, name);
}

function decodedName(url: URL): string {
  const name = posix.basename(url.pathname);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
