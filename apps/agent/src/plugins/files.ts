import type { Machine } from '../machine/machine.ts';
import { resolveOwner } from '../ownership/owner.ts';
import { oneLine } from '../step-error.ts';
import { type ContentEncoding, decodeContent } from '../system-file/content-encoding.ts';
import { writeSystemFile } from '../system-file/write-system-file.ts';
import { definePlugin } from './plugin.ts';

const DEFAULT_MODE = 0o644;

/**
 * Writes files: the content is decoded, then rendered, as Kairos does; what is no text after decoding is taken as it is.
 * A template that fails fails the action, its raw text is never written.
 */
export const files = definePlugin({
  key: 'files',
  actions: (config) =>
    config.map((file) => {
      const mode = file.permissions ?? DEFAULT_MODE;
      return {
        summary: `write ${oneLine(file.path)} (${describe(mode, file.ownerstring, file.encoding)})`,
        run: async (machine: Machine) => {
          const owner = await resolveOwner(machine, file);
          const content = await renderContent(machine, await decodeContent(file.content ?? '', file.encoding));
          return { changed: await writeSystemFile(machine, file.path, content, { mode, owner }) };
        },
      };
    }),
});

function describe(mode: number, owner: string | undefined, encoding: ContentEncoding | undefined): string {
  return [`0${mode.toString(8)}`, ...(owner ? [oneLine(owner)] : []), ...(encoding ? [encoding] : [])].join(', ');
}

async function renderContent(machine: Machine, bytes: Uint8Array): Promise<string | Uint8Array> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes;
  }
  return text.includes('\0') ? bytes : machine.render(text);
}
