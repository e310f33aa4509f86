import { FormatsError, type RandomRead, readFat } from '@bowline/formats';
import { ENTRY_FOLDER, ESP_RECORD_BYTES, parseBootEntryName, parseBootEntryText } from '@bowline/os-layout';

/**
 * What the newest boot entry of an EFI system partition calls its version, such as `edge 1.2`; undefined when there is none
 * that can be read. `read` is of the partition.
 */
export async function readInstalledName(read: RandomRead): Promise<string | undefined> {
  try {
    const { entries } = await readFat(read);
    let newest: { generation: number; title: string } | undefined;
    for (const { path, type, runs } of entries) {
      const [run] = runs;
      const isEntry = type === 'file' && path.toLowerCase().startsWith(`${ENTRY_FOLDER}/`);
      const name = isEntry ? parseBootEntryName(path.slice(ENTRY_FOLDER.length + 1)) : undefined;
      if (typeof name?.generation !== 'number' || run === undefined) continue;
      const bytes = await read(run.offset, Math.min(run.length, ESP_RECORD_BYTES));
      const title = parseBootEntryText(new TextDecoder().decode(bytes))?.title ?? '';
      if (title !== '' && name.generation > (newest?.generation ?? 0)) newest = { generation: name.generation, title };
    }
    return newest?.title;
  } catch (error) {
    if (error instanceof FormatsError) return undefined;
    throw error;
  }
}
