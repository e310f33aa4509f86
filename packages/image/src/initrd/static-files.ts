import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CpioEntry } from '@bowline/formats';
import { PACKAGE_DATABASES } from '@bowline/os-layout';
import { ROOT_FOLDERS, ROOT_LINKS, WANTED } from './contents.ts';

const FILES = join(import.meta.dirname, 'files');
const UNIT_FOLDER = 'usr/lib/systemd/system';

/** What Bowline itself puts into the initrd: its units and scripts (folder `files`), links and folders. */
export async function staticFiles(): Promise<CpioEntry[]> {
  const names = (await readdir(FILES, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(FILES.length + 1))
    .sort();
  const files = await Promise.all(
    names.map(async (path): Promise<CpioEntry> => {
      const data = new Uint8Array(await readFile(join(FILES, path)));
      // The mode follows from the content: a checkout may have lost it.
      const isScript = data[0] === 0x23 && data[1] === 0x21;
      return { type: 'file', path, mode: isScript ? 0o755 : 0o644, data };
    }),
  );
  return [
    ...files,
    textFile('usr/lib/bowline/package-databases', `${PACKAGE_DATABASES.map(({ path }) => path).join('\n')}\n`),
    // Empty: systemd of the initrd makes one up for itself; the machine's own is kept on state.
    textFile('etc/machine-id', ''),
    ...ROOT_FOLDERS.map(
      (path): CpioEntry => ({ type: 'directory', path, mode: path.includes('tmp') ? 0o1777 : 0o755 }),
    ),
    ...ROOT_LINKS.map(([path, target]): CpioEntry => ({ type: 'symlink', path, target })),
    ...WANTED.map(
      ([unit, folder]): CpioEntry => ({
        type: 'symlink',
        path: `${UNIT_FOLDER}/${folder}/${unit}`,
        target: `../${unit}`,
      }),
    ),
  ];
}

function textFile(path: string, text: string): CpioEntry {
  return { type: 'file', path, mode: 0o644, data: new TextEncoder().encode(text) };
}
