import { CLOUD_CONFIG_FOLDER, IMAGE_CONFIG_FOLDER, IMAGE_ROOT_FOLDER, MERGE_FOLDERS } from '@bowline/os-layout';
import { stringify } from 'yaml';
import { readCommandLine } from '../config/command-line.ts';
import { listConfigFiles } from '../config/config-files.ts';
import { readConfigText } from '../config/config-text.ts';
import { LastGoodCopies } from '../config/last-good.ts';
import { readArguments } from '../config/read-document.ts';
import { asWritten } from '../config/show-config.ts';
import type { Machine } from '../machine/machine.ts';
import type { ConfigurationText } from './wish.ts';

/** What the installed system has by itself, because it comes with the image. */
const OF_THE_IMAGE: readonly string[] = [IMAGE_CONFIG_FOLDER, '/system/oem', CLOUD_CONFIG_FOLDER, '/etc/kairos'];

/**
 * The configurations that were given to this live machine and are not part of its image: user data, files of the
 * medium, what the kernel command line names. They become those of the installed system.
 */
export async function collectConfigurations(machine: Machine): Promise<ConfigurationText[]> {
  const found: ConfigurationText[] = [];
  const { paths } = await listConfigFiles(
    machine,
    MERGE_FOLDERS.filter((folder) => !OF_THE_IMAGE.includes(folder)),
  );
  const addFile = async (path: string): Promise<void> => {
    const text = await readText(machine, path);
    // Folders of state begin as copies of the image's.
    const isOfImage = text === (await readText(machine, `${IMAGE_ROOT_FOLDER}${path}`));
    if (text !== undefined && text.trim() !== '' && !isOfImage) found.push({ origin: path, text });
  };
  for (const path of paths) await addFile(path);
  const commandLine = await readCommandLine(machine, readArguments);
  const copies = new LastGoodCopies(machine);
  // A URL in a file goes with the file; one on the command line is known to this start only.
  for (const url of commandLine.configUrls) {
    const copy = await copies.find(url);
    if (copy === undefined) continue;
    // What comes from the network is a template as a whole; files of /oem are not.
    const text = await machine.render(copy.text, { missingKeyIsError: true });
    found.push({ origin: 'config_url of the kernel command line', text });
  }
  for (const path of commandLine.files) await addFile(path);
  const { values = {}, stages = {} } = commandLine.document ?? {};
  const own = asWritten({ ...values, ...(Object.keys(stages).length > 0 ? { stages } : {}) });
  delete own['config_url'];
  if (Object.keys(own).length > 0) {
    found.push({ origin: 'the kernel command line', text: `#cloud-config\n${stringify(own)}` });
  }
  return found;
}

async function readText(machine: Machine, path: string): Promise<string | undefined> {
  const config = await readConfigText(machine.locate(path)).catch(() => undefined);
  return config !== undefined && 'text' in config ? config.text : undefined;
}
