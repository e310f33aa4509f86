import { espRecord } from './boot-entry.ts';
import { ESP_FILES } from './esp-files.ts';
import { encodeGrubEnvironment } from './grub-environment.ts';
import { encodeGrubMenu, type GrubEntry } from './grub-menu.ts';
import { grubScriptText } from './grub-script.ts';

/**
 * Everything GRUB reads from the ESP of a new disk, by path. The files have their final sizes: from now on they are written
 * in place only.
 *
 * @throws OsLayoutError those of {@link encodeGrubMenu}
 */
export function grubEspFiles(entries: readonly GrubEntry[]): [path: string, bytes: Uint8Array][] {
  return [
    [ESP_FILES.grubScript, new TextEncoder().encode(grubScriptText())],
    [ESP_FILES.grubMenu, espRecord('menu=a\n')],
    [ESP_FILES.grubMenuA, encodeGrubMenu(entries)],
    [ESP_FILES.grubMenuB, encodeGrubMenu([])],
    [ESP_FILES.grubEnvironment, encodeGrubEnvironment({})],
  ];
}
