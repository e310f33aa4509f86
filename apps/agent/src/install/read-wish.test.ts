import { MachineConfig } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { INSTALL_KEYS, readInstallWish } from './read-wish.ts';
import { PLAIN_WISH } from './wish.ts';

const SCHEMA = MachineConfig.shape.install.unwrap().shape;
/** Of every key that is not followed, a value that says something. */
const VALUES: Readonly<Record<string, unknown>> = {
  partitions: { oem: { size: 64 } },
  firmware: 'bios',
  'part-table': 'msdos',
};

const wishOf = (install: object, more: object = {}) => readInstallWish({ ...more, install });

describe('what a configuration says about installing', () => {
  it('has a place for every key of the schema, and for no other', () => {
    expect(Object.keys(INSTALL_KEYS).toSorted()).toEqual(Object.keys(SCHEMA).toSorted());
  });

  it.each(Object.keys(SCHEMA))('%s is followed, or somebody is told', (key) => {
    const value = VALUES[key] ?? ('meta' in SCHEMA[key as 'auto'] ? SCHEMA[key as 'auto'].meta()?.['examples'] : []);
    const example: unknown = key in VALUES ? value : (value as unknown[])[0];
    const { wish, reports } = wishOf({ [key]: example });
    const isFollowed = JSON.stringify(wish) !== JSON.stringify(PLAIN_WISH);
    // The account it asks about is no part of the wish: an installation never asks for one.
    if (key === 'nousers') return;
    expect(isFollowed || reports.some((report) => report.key === `install.${key}`)).toBe(true);
  });

  it('is nothing when it says nothing', () => {
    expect(wishOf({})).toEqual({ wish: PLAIN_WISH, reports: [] });
    expect(readInstallWish({})).toEqual({ wish: PLAIN_WISH, reports: [] });
    const empty = { bundles: [], grub_options: {}, ssh_hardening: false, iso: '', firmware: 'efi', 'no-format': false };
    expect(wishOf(empty).reports).toEqual([]);
  });

  it('becomes a wish', () => {
    const { wish, reports } = wishOf(
      {
        ...{
          auto: true,
          device: '/dev/vda',
          source: 'oci:example.com/os:1',
          force: true,
          reboot: true,
          env: ['A=1=2', 'x'],
        },
        'extra-partitions': [
          { name: 'a', size: 5 },
          { name: 'b', size: 0, fs: '-', label: 'B' },
        ],
        partitions: { persistent: { size: 100 } },
        bind_mounts: ['/var/lib/app'],
        ephemeral_mounts: ['/srv/cache'],
        'grub-entry-name': 'Edge',
      },
      { env: ['B=2'] },
    );
    expect(reports).toEqual([]);
    expect(wish).toEqual({
      ...{ unattended: true, device: '/dev/vda', source: 'oci:example.com/os:1', force: true, after: 'reboot' },
      ...{ title: 'Edge', stateMib: 100, keptFolders: ['/var/lib/app'], droppedFolders: ['/srv/cache'] },
      env: { A: '1=2', B: '2' },
      extraPartitions: [
        { name: 'a', sizeMib: 5, fileSystem: 'ext2', label: '' },
        { name: 'b', sizeMib: 0, fileSystem: 'none', label: 'B' },
      ],
      configurations: [],
    });
    expect(wishOf({ reboot: true, poweroff: true }).wish.after).toBe('poweroff');
  });

  it('is refused where following it half would do harm', () => {
    const fatal = (install: object) =>
      wishOf(install)
        .reports.filter((report) => report.fatal)
        .map(({ key }) => key);
    expect(fatal({ 'no-format': true })).toEqual(['install.no-format']);
    expect(fatal({ encrypted_partitions: ['COS_PERSISTENT'] })).toEqual(['install.encrypted_partitions']);
    expect(fatal({ bundles: [{ targets: ['run://x'] }] })).toEqual([]);
  });

  it('reports keys of its neighbourhood too', () => {
    expect(wishOf({}, { 'eject-cd': true, options: { device: '/dev/sda' } }).reports.map(({ key }) => key)).toEqual([
      ...['options', 'eject-cd'],
    ]);
  });
});
