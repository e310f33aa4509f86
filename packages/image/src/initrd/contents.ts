/**
 * Debian packages the userland of the initrd is taken from; their dependencies come along. Only ever extracted. The agent's
 * private libraries come from them as well.
 */
export const INITRD_PACKAGES: readonly string[] = words(`
  coreutils cryptsetup-bin dash dmsetup e2fsprogs kmod libatomic1 libc6 libcryptsetup12 libgcc-s1 libkmod2 libstdc++6
  libtss2-esys-3.0.2-0t64 libtss2-mu-4.0.1-0t64 libtss2-rc0t64 libtss2-tcti-device0t64 mount systemd systemd-cryptsetup
  systemd-repart systemd-sysv udev util-linux`);

/** Programs, each with the libraries it needs. What the shell scripts of the initrd call must be here. */
export const PROGRAMS: readonly string[] = [
  ...below('usr/bin', 'cat chmod chown cp ln mkdir mv readlink rm sleep stty sync tail timeout tr'),
  ...below('usr/bin', 'chattr dmesg kmod mount sh systemctl systemd-repart udevadm umount'),
  ...below('usr/sbin', 'blkid chroot dmsetup e2fsck fsck.ext4 losetup mke2fs mkfs.ext4 modprobe'),
  ...below('usr/lib/systemd', 'systemd systemd-cryptsetup systemd-executor systemd-growfs systemd-modules-load'),
  ...below('usr/lib/systemd', 'systemd-pcrextend systemd-shutdown systemd-udevd systemd-veritysetup'),
  ...below('usr/lib/systemd/system-generators', 'systemd-fstab-generator systemd-veritysetup-generator'),
  ...below('usr/lib/udev', 'ata_id cdrom_id scsi_id'),
];

/** Libraries that programs load by name at run time. */
export const LOADED_LIBRARIES: readonly string[] = words(`
  libblkid.so.1 libcryptsetup.so.12 libfdisk.so.1 libgcc_s.so.1 libkmod.so.2 libmount.so.1 libseccomp.so.2
  libtss2-esys.so.0 libtss2-mu.so.0 libtss2-rc.so.0 libtss2-tcti-device.so.0`);

/** Configuration, and the rules of udev that name disks and mediums and load their drivers. */
export const DATA_FILES: readonly string[] = [
  'etc/mke2fs.conf',
  ...below(
    'usr/lib/udev/rules.d',
    '50-firmware 50-udev-default 55-dm 60-block 60-cdrom_id 60-persistent-storage',
    '.rules',
  ),
  ...below('usr/lib/udev/rules.d', '60-persistent-storage-dm 60-tpm-udev 80-drivers 95-dm-notify 99-systemd', '.rules'),
];

/** Units of systemd's that the way to the image needs; all others would only cost time. */
export const UNITS: readonly string[] = [
  ...below('usr/lib/systemd/system', 'basic blockdev@ cryptsetup-pre cryptsetup emergency final halt', '.target'),
  ...below('usr/lib/systemd/system', 'initrd initrd-fs initrd-root-device initrd-root-fs initrd-usr-fs', '.target'),
  ...below('usr/lib/systemd/system', 'initrd-switch-root local-fs local-fs-pre paths poweroff reboot', '.target'),
  ...below('usr/lib/systemd/system', 'shutdown slices sockets swap sysinit timers tpm2 umount', '.target'),
  ...below('usr/lib/systemd/system', 'veritysetup veritysetup-pre', '.target'),
  ...below('usr/lib/systemd/system', 'initrd-cleanup initrd-udevadm-cleanup-db modprobe@ systemd-halt', '.service'),
  ...below('usr/lib/systemd/system', 'systemd-modules-load systemd-pcrphase-initrd systemd-poweroff', '.service'),
  ...below('usr/lib/systemd/system', 'systemd-reboot systemd-udevd', '.service'),
  ...below('usr/lib/systemd/system', 'systemd-udevd-control systemd-udevd-kernel', '.socket'),
  'usr/lib/systemd/system/system-systemd\\x2dveritysetup.slice',
];

/** Which units start by themselves: [unit, what pulls it in]. */
export const WANTED: readonly (readonly [string, string])[] = [
  ['bowline-agent.service', 'initrd-root-fs.target.wants'],
  ['bowline-deadman.service', 'initrd-root-fs.target.wants'],
  ['bowline-debug.service', 'initrd-root-fs.target.wants'],
  ['bowline-guard.service', 'initrd-root-device.target.wants'],
  ['bowline-live.service', 'initrd-root-device.target.wants'],
  ['bowline-setup.service', 'initrd-root-fs.target.requires'],
  ['initrd-cleanup.service', 'initrd.target.wants'],
  ['systemd-modules-load.service', 'sysinit.target.wants'],
  ['systemd-pcrphase-initrd.service', 'initrd.target.wants'],
  ['systemd-udev-trigger.service', 'sysinit.target.wants'],
  ['systemd-udevd-control.socket', 'sockets.target.wants'],
  ['systemd-udevd-kernel.socket', 'sockets.target.wants'],
  ['systemd-udevd.service', 'sysinit.target.wants'],
  ['veritysetup.target', 'sysinit.target.wants'],
];

/** Links and folders a root file system has; packages that are only extracted do not bring all of them. */
export const ROOT_LINKS: readonly (readonly [string, string])[] = [
  ['bin', 'usr/bin'],
  ['sbin', 'usr/sbin'],
  ['lib', 'usr/lib'],
  ['lib64', 'usr/lib64'],
  ['init', 'usr/lib/systemd/systemd'],
  ['etc/os-release', 'initrd-release'],
  ['etc/mtab', '../proc/self/mounts'],
  ['etc/systemd/system/default.target', '/usr/lib/systemd/system/initrd.target'],
  ['var/run', '/run'],
];

export const ROOT_FOLDERS: readonly string[] = words('dev proc root run sys sysroot tmp usr/lib64 var/tmp');

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function below(folder: string, names: string, suffix = ''): string[] {
  return words(names).map((name) => `${folder}/${name}${suffix}`);
}
