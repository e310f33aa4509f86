import type { SystemNeed } from '@bowline/host';

/** A program that is called like its package, or the package given. */
function program(name: string, debianPackage: string = name): SystemNeed {
  return { title: name, anyOf: [name], debianPackages: [debianPackage] };
}

/**
 * Programs of the host that system tests use: what Bowline itself runs, and the independent readers that check its results.
 * Where they cannot be installed, the tests that need them are skipped with the reason.
 */
export const TEST_NEEDS: readonly SystemNeed[] = [
  // Bowline's own.
  program('mmdebstrap'),
  program('bwrap', 'bubblewrap'),
  program('newuidmap', 'uidmap'),
  program('buildah'),
  { title: 'netavark', anyOf: ['/usr/lib/podman/netavark'], debianPackages: ['netavark'] },
  program('qemu-system-x86_64', 'qemu-system-x86'),
  program('qemu-system-aarch64', 'qemu-system-arm'),
  program('qemu-img', 'qemu-utils'),
  { title: 'OVMF', anyOf: ['/usr/share/OVMF/OVMF_CODE_4M.fd'], debianPackages: ['ovmf'] },
  { title: 'AAVMF', anyOf: ['/usr/share/AAVMF/AAVMF_CODE.fd'], debianPackages: ['qemu-efi-aarch64'] },
  { title: 'iPXE', anyOf: ['/usr/lib/ipxe/qemu/efi-virtio.rom'], debianPackages: ['ipxe-qemu'] },
  program('swtpm'),
  // Independent readers and other sides of a protocol.
  program('busybox', 'busybox-static'),
  program('cpio'),
  program('createrepo_c', 'createrepo-c'),
  program('apt-ftparchive', 'apt-utils'),
  program('docker-registry'),
  program('fsck.vfat', 'dosfstools'),
  program('gcc'),
  program('git'),
  program('mcopy', 'mtools'),
  program('mksquashfs', 'squashfs-tools'),
  program('musl-gcc', 'musl-tools'),
  program('objdump', 'binutils'),
  program('openssl'),
  program('python3'),
  program('rpmbuild', 'rpm'),
  program('sbverify', 'sbsigntool'),
  program('sgdisk', 'gdisk'),
  program('shellcheck'),
  program('skopeo'),
  program('ssh', 'openssh-client'),
  program('veritysetup', 'cryptsetup-bin'),
  program('xz', 'xz-utils'),
  program('zstd'),
];
