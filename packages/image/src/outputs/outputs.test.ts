import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutputKind } from '@bowline/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grubConfiguration } from '../seal/grub.ts';
import { makeSealedImage } from '../seal/image-fixture.ts';
import type { SealedImage } from '../seal/sealed-image.ts';
import { xorrisoArguments } from './iso.ts';
import { ipxeScript } from './netboot.ts';
import { artefactStem } from './output.ts';
import { OUTPUTS } from './outputs.ts';

let folder = '';
let image: SealedImage;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-outputs-'));
  image = await makeSealedImage(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the outputs', () => {
  it('are all there, each under its own kind and title', () => {
    expect(Object.keys(OUTPUTS).toSorted()).toEqual([...OutputKind.options].toSorted());
    for (const [kind, output] of Object.entries(OUTPUTS)) expect(output.kind).toBe(kind);
    expect(new Set(Object.values(OUTPUTS).map((output) => output.title)).size).toBe(OutputKind.options.length);
  });

  it('are called by name, version and architecture', () => {
    expect(artefactStem(image)).toBe('edge-1.2-amd64');
  });
});

describe('the ISO', () => {
  it('of amd64 is made with every date, owner and GUID given, for UEFI and BIOS', () => {
    expect(xorrisoArguments(image, 'edge.iso').join(' ')).toBe(
      [
        '-as mkisofs -quiet -V BOWLINE_A1A1A1A1A1A1A1A1 -o /out/edge.iso -J -joliet-long -r -iso-level 3',
        '--modification-date=2026010100000000 --set_all_file_dates 2026010100000000 -uid 0 -gid 0',
        '--gpt_disk_guid 0123456789abcdef0123456789abcdef -partition_offset 16',
        '--grub2-mbr /usr/lib/grub/i386-pc/boot_hybrid.img -b boot/grub/eltorito.img -no-emul-boot -boot-load-size 4',
        '-boot-info-table --grub2-boot-info -eltorito-alt-boot',
        '-append_partition 2 C12A7328-F81F-11D2-BA4B-00A0C93EC93B /iso/esp.img -appended_part_as_gpt',
        '-e --interval:appended_partition_2:all:: -no-emul-boot -graft-points',
        '/live/root.squashfs=/in/root.squashfs /live/root.verity=/in/root.verity',
        '/boot/vmlinuz=/in/vmlinuz /boot/initrd.img=/in/initrd.img',
        '/boot/grub/grub.cfg=/iso/grub.cfg /boot/grub/eltorito.img=/iso/eltorito.img',
      ].join(' '),
    );
  });

  it('of arm64 has nothing for BIOS', () => {
    const words = xorrisoArguments({ ...image, arch: 'arm64' }, 'edge.iso').join(' ');
    expect(words).not.toMatch(/grub|eltorito/);
    expect(words).toContain('-append_partition 2');
  });

  it('starts at once in BIOS mode, on screen and serial port', () => {
    expect(grubConfiguration('edge 1.2', 'roothash=live quiet')).toBe(
      `serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=0
menuentry "edge 1.2" {
  linux /boot/vmlinuz roothash=live quiet
  initrd /boot/initrd.img
}
`,
    );
  });
});

describe('the iPXE script', () => {
  it('fetches kernel, initrd and root from where it lies itself', () => {
    expect(ipxeScript('edge 1.2', 'roothash=net')).toBe(
      `#!ipxe
echo Starting edge 1.2
kernel vmlinuz initrd=initrd.img initrd=root.img initrd=install.img roothash=net
initrd --name initrd.img initrd.img
initrd --name root.img root.img
initrd --name install.img install.img
boot
`,
    );
  });
});
