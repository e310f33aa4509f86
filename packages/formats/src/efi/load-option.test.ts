import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeUtf16,
  type EfiLoadOption,
  encodeLoadOption,
  encodeUtf16,
  FormatsError,
  parseLoadOption,
} from '../index.ts';

const GUID = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const text = fc.string({ minLength: 1, maxLength: 60 }).filter((value) => !/[\0\\]|^\/|[\ud800-\udfff]/.test(value));
const option: fc.Arbitrary<EfiLoadOption> = fc.record({
  description: text,
  isActive: fc.boolean(),
  partition: fc.record({
    number: fc.integer({ min: 1, max: 128 }),
    startLba: fc.nat(2 ** 31 - 1),
    sectors: fc.nat(2 ** 31 - 1),
    partGuid: fc.uuid(),
  }),
  path: text,
  data: fc.uint8Array({ maxLength: 40 }),
});

describe('an EFI boot variable', () => {
  it('is laid out as the UEFI specification says', () => {
    const bytes = encodeLoadOption({
      description: 'B',
      isActive: true,
      partition: { number: 1, startLba: 2048, sectors: 0x20_0000, partGuid: GUID },
      path: 'EFI/a.efi',
      data: encodeUtf16('@2'),
    });
    const path = [
      '04012a00 01000000 0008000000000000 0000200000000000 28732ac11ff8d211ba4b00a0c93ec93b 02 02',
      '04041a00 5c004500460049005c0061002e006500660069000000',
      '7fff0400',
    ];
    const hex = `01000000 4800 42000000 ${path.join('')} 400032000000`;
    expect(bytes.toHex()).toBe(hex.replaceAll(' ', ''));
  });

  it('is read back', () => {
    fc.assert(
      fc.property(option, (one) => {
        expect(parseLoadOption(encodeLoadOption(one))).toEqual(one);
      }),
    );
  });

  it('of the network or a shell is none of ours', () => {
    const shell = [...[1, 0, 0, 0, 4, 0], ...encodeUtf16('UEFI Shell'), 0x7f, 0xff, 4, 0];
    expect(parseLoadOption(Uint8Array.from(shell))).toBeUndefined();
  });

  it('that is damaged throws nothing but errors of its own', () => {
    fc.assert(
      fc.property(option, fc.nat(), fc.nat(255), fc.nat(), (one, at, byte, cut) => {
        const bytes = encodeLoadOption(one);
        bytes[at % bytes.length] = byte;
        try {
          parseLoadOption(bytes.subarray(0, cut % (bytes.length + 1)));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
    );
  });

  it('has text in UTF-16', () => {
    expect(decodeUtf16(encodeUtf16('Bowline ü 😀'))).toBe('Bowline ü 😀');
  });
});
