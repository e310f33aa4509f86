import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeUtf16, encodeLoadOption, parseLoadOption } from '@bowline/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { EfiVariables, GLOBAL_GUID } from './efi-variables.ts';
import { keepBootVariables, orderWith } from './keep-boot-variables.ts';

const FOLDER = '/sys/firmware/efi/efivars';
const ESP = { number: 1, startLba: 2048, sectors: 2_097_152, partGuid: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b' };
const UKI = `sha256:${'ab'.repeat(32)}`;

let test: TestMachine;
let variables: EfiVariables;
beforeEach(async () => {
  test = await makeTestMachine();
  await mkdir(test.machine.locate(FOLDER), { recursive: true });
  variables = new EfiVariables(test.machine);
});
afterEach(() => test.remove());

const order = async () => {
  const value = (await variables.read('BootOrder', GLOBAL_GUID)) ?? new Uint8Array();
  return Array.from(
    { length: value.length / 2 },
    (_, index) => (value[index * 2] ?? 0) + (value[index * 2 + 1] ?? 0) * 256,
  );
};
const setOrder = (...numbers: number[]) =>
  variables.write('BootOrder', GLOBAL_GUID, new Uint8Array(Uint16Array.from(numbers).buffer));
const option = async (name: string) => {
  const value = await variables.read(name, GLOBAL_GUID);
  return value && parseLoadOption(value);
};
const other = (description: string) =>
  encodeLoadOption({
    description,
    isActive: true,
    partition: ESP,
    path: 'EFI/debian/shimx64.efi',
    data: new Uint8Array(),
  });

describe('the boot variables of the firmware', () => {
  it('lead to the boot loader, and behind it to the recovery with its profile', async () => {
    await variables.write('Boot0000', GLOBAL_GUID, other('debian'));
    await setOrder(0);
    const wanted = { arch: 'amd64', esp: ESP, recoveryUki: UKI } as const;
    expect(await keepBootVariables(variables, wanted)).toEqual(['Boot0001', 'Boot0002', 'BootOrder']);
    expect(await option('Boot0001')).toMatchObject({ description: 'Bowline', path: 'EFI/systemd/systemd-bootx64.efi' });
    const recovery = await option('Boot0002');
    expect(recovery).toMatchObject({ description: 'Bowline recovery', partition: ESP });
    expect(recovery?.path).toBe(`EFI/bowline/${'ab'.repeat(32)}.efi`);
    expect(decodeUtf16(recovery?.data ?? new Uint8Array())).toBe('@2');
    expect(await order()).toEqual([1, 2, 0]);
    expect(await keepBootVariables(variables, wanted)).toEqual([]);
  });

  it('are put back when the firmware lost them, and follow the disk and the recovery', async () => {
    await keepBootVariables(variables, { arch: 'arm64', esp: ESP, recoveryUki: undefined });
    expect(await order()).toEqual([0]);
    await keepBootVariables(variables, { arch: 'arm64', esp: ESP, recoveryUki: UKI });
    await rm(test.machine.locate(join(FOLDER, `Boot0000-${GLOBAL_GUID}`)));
    const moved = { ...ESP, partGuid: '63e2b640-f44b-4683-b376-00c755761e26' };
    const wanted = { arch: 'arm64', esp: moved, recoveryUki: `sha256:${'cd'.repeat(32)}` } as const;
    expect(await keepBootVariables(variables, wanted)).toEqual(['Boot0000', 'Boot0001']);
    expect((await option('Boot0001'))?.path).toContain('cdcd');
    expect((await option('Boot0001'))?.partition.partGuid).toBe(moved.partGuid);
    expect(await order()).toEqual([0, 1]);
  });

  it('stay where somebody put them', () => {
    expect(orderWith([7, 1, 3], 1, undefined)).toEqual([7, 1, 3]);
    expect(orderWith([7, 1, 3], 1, 2)).toEqual([7, 1, 2, 3]);
    expect(orderWith([2, 7, 1], 1, 2)).toEqual([7, 1, 2]);
    expect(orderWith([], 1, 2)).toEqual([1, 2]);
  });

  it('of others are left alone, also those nobody can read', async () => {
    await variables.write('Boot0000', GLOBAL_GUID, other('Bowline'));
    await variables.write('Boot0001', GLOBAL_GUID, Uint8Array.of(1, 2, 3));
    await keepBootVariables(variables, { arch: 'amd64', esp: ESP, recoveryUki: undefined });
    expect((await option('Boot0000'))?.path).toBe('EFI/debian/shimx64.efi');
    expect((await readdir(test.machine.locate(FOLDER))).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
      ['Boot0000', 'Boot0001', 'Boot0002', 'BootOrder'].map((name) => `${name}-${GLOBAL_GUID}`),
    );
  });
});
