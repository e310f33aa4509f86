import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SOURCE_EPOCH } from '@bowline/os-layout';
import { writeEspImage } from '../seal/esp.ts';
import { GRUB_HYBRID_MBR, grubConfiguration, makeElToritoImage } from '../seal/grub.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import type { ToolboxBind } from '../toolbox/toolbox.ts';
import { artefactStem, type Output } from './output.ts';

const TIMEOUT_MS = 1_800_000;
const ESP_TYPE_GUID = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';

/** A hybrid ISO: starts live from CD or USB stick, by UEFI (systemd-boot and the UKI) and, on amd64, by BIOS (GRUB). */
export const isoOutput: Output = {
  kind: 'iso',
  title: 'ISO image',
  async write({ image, scratch, toolbox, signal }) {
    const name = `${artefactStem(image)}.iso`;
    const tools = await toolbox();
    const folder = join(scratch, 'iso');
    await mkdir(folder, { recursive: true });
    await writeEspImage(join(folder, 'esp.img'), image, 'live', signal);
    const hasBios = image.arch === 'amd64';
    if (hasBios) {
      await makeElToritoImage(tools, folder, image.liveLabel, signal);
      await writeFile(
        join(folder, 'grub.cfg'),
        grubConfiguration(`${image.name} ${image.version}`, image.commandLines.live),
      );
    }
    await tools.run({
      argv: ['xorriso', ...xorrisoArguments(image, name)],
      env: { SOURCE_DATE_EPOCH: String(SOURCE_EPOCH) },
      binds: isoBinds(image, folder, scratch),
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    return [name];
  },
};

function isoBinds(image: SealedImage, folder: string, scratch: string): ToolboxBind[] {
  const readOnly = (source: string, target: string): ToolboxBind => ({ source, target, writable: false });
  return [
    readOnly(image.squashfs.path, '/in/root.squashfs'),
    readOnly(image.verity.path, '/in/root.verity'),
    readOnly(image.kernel.path, '/in/vmlinuz'),
    readOnly(image.initrd.path, '/in/initrd.img'),
    { source: folder, target: '/iso', writable: true },
    { source: scratch, target: '/out', writable: true },
  ];
}

/** `YYYYMMDDhhmmsscc`, as xorriso wants dates (xorrisofs(1), --modification-date). */
function isoDate(epochSeconds: number): string {
  return `${new Date(epochSeconds * 1000).toISOString().replace(/[-:T]/g, '').slice(0, 14)}00`;
}

/** Arguments of xorrisofs(1). Every date, owner, mode and GUID is given, so the same input makes the same bytes. */
export function xorrisoArguments(image: SealedImage, name: string): string[] {
  const date = isoDate(SOURCE_EPOCH);
  const bios = [
    ...['--grub2-mbr', GRUB_HYBRID_MBR],
    ...[
      '-b',
      'boot/grub/eltorito.img',
      '-no-emul-boot',
      '-boot-load-size',
      '4',
      '-boot-info-table',
      '--grub2-boot-info',
    ],
    '-eltorito-alt-boot',
  ];
  const biosFiles = ['/boot/grub/grub.cfg=/iso/grub.cfg', '/boot/grub/eltorito.img=/iso/eltorito.img'];
  const hasBios = image.arch === 'amd64';
  return [
    ...[
      '-as',
      'mkisofs',
      '-quiet',
      '-V',
      image.liveLabel,
      '-o',
      `/out/${name}`,
      '-J',
      '-joliet-long',
      '-r',
      '-iso-level',
      '3',
    ],
    ...[`--modification-date=${date}`, '--set_all_file_dates', date, '-uid', '0', '-gid', '0'],
    ...['--gpt_disk_guid', image.imageId.slice('sha256:'.length, 'sha256:'.length + 32)],
    ...['-partition_offset', '16'],
    ...(hasBios ? bios : []),
    ...['-append_partition', '2', ESP_TYPE_GUID, '/iso/esp.img', '-appended_part_as_gpt'],
    ...['-e', '--interval:appended_partition_2:all::', '-no-emul-boot'],
    '-graft-points',
    ...['/live/root.squashfs=/in/root.squashfs', '/live/root.verity=/in/root.verity'],
    ...['/boot/vmlinuz=/in/vmlinuz', '/boot/initrd.img=/in/initrd.img'],
    ...(hasBios ? biosFiles : []),
  ];
}
