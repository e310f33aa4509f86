import { describe, expect, it } from 'vitest';
import { machineNeeds } from './machine-needs.ts';

const packages = (...args: Parameters<typeof machineNeeds>) =>
  machineNeeds(...args).flatMap((need) => need.debianPackages);

describe('machineNeeds', () => {
  it('asks for nothing that the machine does not use', () => {
    expect(packages({}, { arch: 'amd64', kind: 'raw' })).toEqual(['qemu-system-x86', 'ovmf', 'qemu-utils']);
    expect(packages({ bios: true }, { arch: 'amd64', kind: 'iso' })).toEqual(['qemu-system-x86']);
    expect(packages({ tpm: true }, { arch: 'arm64', kind: 'uki' })).toEqual([
      'qemu-system-arm',
      'qemu-efi-aarch64',
      'swtpm',
    ]);
    expect(packages({}, { arch: 'amd64', kind: 'netboot' })).toEqual(['qemu-system-x86', 'ipxe-qemu']);
  });
});
