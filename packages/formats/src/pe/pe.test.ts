import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../byte-reader.ts';
import { encodeDer, encodeObjectIdentifier, encodeSequence, encodeSet } from '../der/encode.ts';
import { readDer, readDerChildren } from '../der/read.ts';
import { FormatsError } from '../error.ts';
import { addSections, type PeSection } from './add-sections.ts';
import { authenticodeHash, listPeCertificates, signPe } from './authenticode.ts';
import { computePeChecksum } from './checksum.ts';
import { PE_MACHINE, parsePe, readPeSection } from './image.ts';
import { detectKernelImage, isEfiStub } from './kernel-image.ts';
import { composeUki, parseUki, readUkiText } from './uki.ts';
import { readUkiPlaces } from './uki-places.ts';

const text = (value: string) => new TextEncoder().encode(value);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A PE32+ EFI application with `.text` and `.sbat`, and room for 20 sections. */
function buildStub(machine: number = PE_MACHINE.x86_64): Uint8Array {
  const stub = new Uint8Array(0x400 + 0x200 + 0x200);
  const view = new DataView(stub.buffer);
  stub.set(text('MZ'));
  view.setUint32(0x3c, 0x40, true);
  stub.set(text('PE\0\0'), 0x40);
  const coff = 0x44;
  view.setUint16(coff, machine, true);
  view.setUint16(coff + 2, 2, true);
  view.setUint16(coff + 16, 0xa0, true);
  const optional = coff + 20;
  view.setUint16(optional, 0x20b, true);
  view.setUint32(optional + 32, 0x1000, true);
  view.setUint32(optional + 36, 0x200, true);
  view.setUint32(optional + 56, 0x3000, true);
  view.setUint32(optional + 60, 0x400, true);
  view.setUint16(optional + 68, 10, true);
  view.setUint32(optional + 108, 6, true);
  const table = optional + 0xa0;
  for (const [index, name] of ['.text', '.sbat'].entries()) {
    const at = table + index * 40;
    stub.set(text(name), at);
    view.setUint32(at + 8, 0x20, true);
    view.setUint32(at + 12, 0x1000 * (index + 1), true);
    view.setUint32(at + 16, 0x200, true);
    view.setUint32(at + 20, 0x400 + index * 0x200, true);
  }
  stub.fill(0x90, 0x400, 0x420);
  stub.set(text('sbat,1'), 0x600);
  return stub;
}

/** Not SHA-256, but enough to see which bytes went in. */
const sha256 = (chunks: Iterable<Uint8Array>): Uint8Array => {
  const digest = new Uint8Array(32);
  let at = 0;
  for (const byte of concatBytes([...chunks])) {
    digest[at % 32] = ((digest[at % 32] ?? 0) * 31 + byte + 7) & 0xff;
    at += 1;
  }
  return digest;
};

/** As much of an X.509 certificate as signing looks at. */
function buildCertificate(keyType = '1.2.840.113549.1.1.1'): Uint8Array {
  const algorithm = encodeSequence(encodeObjectIdentifier(keyType));
  const serial = encodeDer(0x02, Uint8Array.of(7));
  const body = encodeSequence(
    encodeDer(0xa0, encodeDer(0x02, Uint8Array.of(2))),
    serial,
    algorithm,
    encodeSequence(encodeSet(text('issuer'))),
    encodeSequence(),
    encodeSequence(),
    encodeSequence(algorithm),
  );
  return encodeSequence(body);
}

describe('addSections', () => {
  const sectionList = fc.array(
    fc.record({
      name: fc.stringMatching(/^\.[a-z]{1,7}$/).filter((name) => !['.text', '.sbat', '.profile'].includes(name)),
      data: fc.uint8Array({ maxLength: 5000 }),
      virtualSizeBytes: fc.nat(9000),
    }),
    { maxLength: 7 },
  );

  it('keeps the stub and appends aligned sections that read back', () => {
    fc.assert(
      fc.property(sectionList, (sections) => {
        const made = addSections(buildStub(), sections);
        const image = parsePe(made);
        expect(image.sections.slice(0, 2)).toEqual(parsePe(buildStub()).sections);
        let end = 0;
        for (const [index, found] of image.sections.entries()) {
          expect(found.virtualAddress % image.sectionAlignment).toBe(0);
          expect(found.fileOffset % image.fileAlignment).toBe(0);
          expect(found.virtualAddress).toBeGreaterThanOrEqual(end);
          end = found.virtualAddress + found.virtualSize;
          const wanted = sections[index - 2];
          if (!wanted) continue;
          expect(found.name).toBe(wanted.name);
          expect(readPeSection(made, found).subarray(0, wanted.data.length)).toEqual(wanted.data);
        }
        expect(image.sizeOfImage).toBeGreaterThanOrEqual(end);
        expect(image.sizeOfImage % image.sectionAlignment).toBe(0);
        expect(made.length % image.fileAlignment).toBe(0);
      }),
    );
  });

  it('replaces a section of the stub in place, as SBAT needs', () => {
    const made = addSections(buildStub(), [{ name: '.sbat', data: text('sbat,2,longer') }]);
    const { sections } = parsePe(made);
    expect(sections.map(({ name }) => name)).toEqual(['.text', '.sbat']);
    expect(sections[1] && decode(readPeSection(made, sections[1]))).toBe('sbat,2,longer');
    expect(() => addSections(buildStub(), [{ name: '.sbat', data: new Uint8Array(0x201) }])).toThrow(
      'has room for 512',
    );
  });

  it('says how many sections fit', () => {
    const many: PeSection[] = Array.from({ length: 30 }, (_, index) => ({ name: `.s${index}`, data: text('x') }));
    expect(() => addSections(buildStub(), many)).toThrow(/room for \d+ sections, but 32 are needed/);
    expect(() => addSections(buildStub(), [{ name: '.toolongname', data: text('x') }])).toThrow('8 characters');
  });

  it('refuses a signed stub', async () => {
    const signed = await signPe({
      image: buildStub(),
      certificateDer: buildCertificate(),
      sign: () => text('s'),
      sha256,
    });
    expect(() => addSections(signed, [])).toThrow('is signed');
  });
});

describe('composeUki', () => {
  const parts = {
    stub: buildStub(),
    linux: buildStub(),
    initrd: text('initrd'),
    cmdline: 'quiet',
    osRelease: 'ID=debian\n',
    uname: '6.12.0',
  };

  it('groups sections by profile', () => {
    const uki = composeUki({
      ...parts,
      profiles: [{ id: 'main' }, { id: 'recovery', title: 'Recovery mode', cmdline: 'quiet mode=recovery' }],
    });
    const found = parseUki(uki);
    expect(found.base.map(({ name }) => name)).toEqual([
      '.text',
      '.sbat',
      '.osrel',
      '.cmdline',
      '.uname',
      '.linux',
      '.initrd',
    ]);
    expect(found.profiles.map((profile) => profile.map(({ name }) => name))).toEqual([
      ['.profile'],
      ['.profile', '.cmdline'],
    ]);
    expect(readUkiText(uki, found.base, '.cmdline')).toBe('quiet');
    expect(readUkiText(uki, found.profiles[1] ?? [], '.profile')).toBe('ID=recovery\nTITLE="Recovery mode"\n');
    expect(readUkiText(uki, found.profiles[1] ?? [], '.cmdline')).toBe('quiet mode=recovery');
    expect(readUkiText(uki, found.base, '.pcrsig')).toBeUndefined();
    expect(found.base.find(({ name }) => name === '.linux')?.virtualSize).toBe(0x3000);
  });

  it('says by sectors where kernel and initrd are, for a loader that reads no PE', async () => {
    const profiles = [{ id: 'main' }, { id: 'recovery', cmdline: 'quiet mode=recovery' }];
    const uki = composeUki({ ...parts, profiles });
    const reads: number[] = [];
    const read = (offset: number, length: number) => {
      reads.push(length);
      return uki.subarray(offset, offset + length);
    };
    const { kernel, initrd, commandLines } = await readUkiPlaces(read, uki.length);
    expect(commandLines).toEqual(['quiet', 'quiet mode=recovery']);
    const bytes = (place: { start: number; count: number }) =>
      uki.subarray(place.start * 512, (place.start + place.count) * 512);
    expect(bytes(kernel).subarray(0, parts.linux.length)).toEqual(parts.linux);
    expect(decode(bytes(initrd))).toBe(`initrd${'\0'.repeat(506)}`);
    await expect(readUkiPlaces(read, 4096)).rejects.toThrow(FormatsError);
    await expect(readUkiPlaces((from, to) => parts.stub.subarray(from, to), parts.stub.length)).rejects.toThrow(
      '.linux',
    );
  });

  it('refuses kernels that firmware cannot start', () => {
    expect(() => composeUki({ ...parts, linux: Uint8Array.of(0x1f, 0x8b, 8) })).toThrow('not an EFI program');
    expect(() => composeUki({ ...parts, linux: buildStub(PE_MACHINE.aarch64) })).toThrow('machine 0xaa64');
    expect(() => composeUki({ ...parts, profiles: [{ id: 'a b' }] })).toThrow('bad id');
  });

  it('tells kernel files apart', () => {
    const zboot = buildStub();
    zboot.set(text('zimg'), 4);
    expect([buildStub(), zboot, Uint8Array.of(0x1f, 0x8b), text('#!')].map(detectKernelImage)).toEqual([
      'efi',
      'efi-zboot',
      'gzip',
      'unknown',
    ]);
    expect(isEfiStub(buildStub().subarray(0, 0x300))).toBe(false);
  });
});

describe('signing', () => {
  const sign = (toBeSigned: Uint8Array) => sha256([toBeSigned]);
  const request = { certificateDer: buildCertificate(), sign, sha256 };

  it('leaves the digest as it was, and keeps earlier signatures', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 30 }), async (trailer) => {
        const image = concatBytes([buildStub(), trailer]);
        const digest = authenticodeHash(image, sha256);
        const once = await signPe({ ...request, image });
        expect(authenticodeHash(once, sha256)).toEqual(digest);
        expect(await signPe({ ...request, image })).toEqual(once);
        const twice = await signPe({ ...request, image: once, when: new Date('2026-01-01T00:00:00Z') });
        expect(authenticodeHash(twice, sha256)).toEqual(digest);
        const certificates = listPeCertificates(twice);
        expect(certificates.map(({ revision, type }) => [revision, type])).toEqual([
          [0x200, 2],
          [0x200, 2],
        ]);
        const { checksum, checksumOffset } = parsePe(twice);
        expect(computePeChecksum(twice, checksumOffset)).toBe(checksum);
        expect(decode(certificates[1]?.data ?? text(''))).toContain('260101000000Z');
      }),
      { numRuns: 20 },
    );
  });

  it('covers every byte but the checksum and the place of the signature', () => {
    const image = buildStub();
    const { checksumOffset, certificateEntryOffset } = parsePe(image);
    const digest = authenticodeHash(image, sha256);
    fc.assert(
      fc.property(fc.integer({ min: 0x200, max: image.length - 1 }), (at) => {
        const changed = image.slice();
        changed[at] = (changed[at] ?? 0) ^ 0x55;
        expect(authenticodeHash(changed, sha256)).not.toEqual(digest);
      }),
    );
    const same = image.slice();
    same.fill(1, checksumOffset, checksumOffset + 4);
    expect(certificateEntryOffset).toBeGreaterThan(checksumOffset);
    expect(authenticodeHash(same, sha256)).toEqual(digest);
  });

  it('refuses certificates without an RSA key, and noise', async () => {
    const elliptic = buildCertificate('1.2.840.10045.2.1');
    await expect(signPe({ ...request, image: buildStub(), certificateDer: elliptic })).rejects.toThrow('RSA key');
    await expect(signPe({ ...request, image: buildStub(), certificateDer: text('junk') })).rejects.toThrow(
      FormatsError,
    );
  });

  it('refuses images with gaps, which verifiers hash differently', () => {
    const image = concatBytes([buildStub(), new Uint8Array(0x200)]);
    const { sectionTableOffset } = parsePe(image);
    new DataView(image.buffer).setUint32(sectionTableOffset + 40 + 20, 0x800, true);
    expect(() => authenticodeHash(image, sha256)).toThrow('.sbat starts at 2048, not at 1536');
  });
});

describe('PE and DER parsers', () => {
  it('throw nothing but their own errors on damaged images', () => {
    const image = composeUki({
      stub: buildStub(),
      linux: buildStub(),
      initrd: text('i'),
      cmdline: '',
      osRelease: '',
      uname: '',
    });
    fc.assert(
      fc.property(
        fc.nat(0x2ff),
        fc.uint8Array({ minLength: 1, maxLength: 8 }),
        fc.nat(image.length),
        (at, junk, cut) => {
          const damaged = image.slice();
          damaged.set(junk, at);
          for (const bytes of [damaged, image.subarray(0, cut)]) {
            try {
              const { base } = parseUki(bytes);
              readUkiText(bytes, base, '.cmdline');
              listPeCertificates(bytes);
              authenticodeHash(bytes, sha256);
            } catch (error) {
              expect(error).toBeInstanceOf(FormatsError);
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('reads back DER of any length and refuses noise', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 4 }), (contents) => {
        const sequence = encodeSequence(...contents.map((content) => encodeDer(0x04, content)));
        expect(readDerChildren(readDer(sequence)).map(({ content }) => [...content])).toEqual(
          contents.map((content) => [...content]),
        );
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
        try {
          readDerChildren(readDer(noise));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatsError);
        }
      }),
    );
    expect([...encodeObjectIdentifier('1.2.840.113549')]).toEqual([6, 6, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
  });
});
