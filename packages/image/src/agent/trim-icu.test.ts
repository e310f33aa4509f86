import { describe, expect, it } from 'vitest';
import { trimIcu } from './trim-icu.ts';

const HEADER = 32;
const NAMES = [
  'root.res',
  'en.res',
  'en_US.res',
  'en_GB.res',
  'de.res',
  'zh_Hant_TW.res',
  'es_419.res',
  'res_index.res',
  'pool.res',
  'coll/sv.res',
  'coll/root.res',
  'zone/tzdbNames.res',
  'zoneinfo64.res',
  'nfc.nrm',
  'ibm-5348_P100-1997.cnv',
  'ibm-943_P15A-2003.cnv',
  'brkitr/thaidict.dict',
  'translit/Any_Accents.res',
  ...Array.from({ length: 1000 }, (_, index) => `keep${index}.icu`),
  'last/de.res',
];
const GONE = /^(?:en_GB|de|zh_Hant_TW|es_419|coll\/sv|ibm-943_.*|brkitr\/thaidict|translit\/.*)\.[a-z]+$/;

/** A program with an archive of ICU in it; each item holds its own name. */
function makeProgram(): { program: Uint8Array; table: number } {
  const names = NAMES.map((name) => `icudt78l/${name}`);
  const noise = Buffer.from('CmnD no table CmnD');
  const table = noise.length + HEADER;
  const namesAt = 4 + 8 * names.length;
  const nameOffsets: number[] = [];
  let at = namesAt;
  for (const name of names) {
    nameOffsets.push(at);
    at += name.length + 1;
  }
  const program = Buffer.alloc(table + at + names.reduce((sum, name) => sum + name.length, 0));
  noise.copy(program);
  program.writeUInt16LE(HEADER, noise.length);
  program.set([0xda, 0x27], noise.length + 2);
  program.write('CmnD', noise.length + 12);
  program.writeUInt32LE(names.length, table);
  for (const [index, name] of names.entries()) {
    program.writeUInt32LE(nameOffsets[index] ?? 0, table + 4 + 8 * index);
    program.write(`${name}\0`, table + (nameOffsets[index] ?? 0));
    program.writeUInt32LE(at, table + 8 + 8 * index);
    program.write(name, table + at);
    at += name.length;
  }
  return { program, table };
}

/** What the table of contents leads to, in its order. */
function readItems(program: Uint8Array, table: number): string[] {
  const bytes = Buffer.from(program);
  return Array.from({ length: bytes.readUInt32LE(table) }, (_, index) => {
    const name = table + bytes.readUInt32LE(table + 4 + 8 * index);
    const text = bytes.toString('latin1', name, bytes.indexOf(0, name));
    const data = table + bytes.readUInt32LE(table + 8 + 8 * index);
    expect(bytes.toString('latin1', data, data + text.length)).toBe(text);
    return text.replace('icudt78l/', '');
  });
}

describe('trimming ICU', () => {
  it('leaves English, and what belongs to no language, where it was', () => {
    const { program, table } = makeProgram();
    const length = program.length;
    trimIcu(program);
    expect(readItems(program, table)).toEqual(NAMES.filter((name) => !GONE.test(name)));
    expect(program.length).toBe(length);
  });

  it('blanks the rest', () => {
    const { program } = makeProgram();
    const gone = NAMES.filter((name) => GONE.test(name)).map((name) => `icudt78l/${name}`);
    expect(trimIcu(program)).toBe(gone.join('').length);
    // Its name is there once still, in the list of names; its bytes are not.
    const text = Buffer.from(program).toString('latin1');
    for (const name of gone) expect(text.split(`${name}\0`).length).toBe(2);
    expect(text).not.toContain(gone.slice(-2).join(''));
  });

  it('refuses a program without such an archive', () => {
    expect(() => trimIcu(new Uint8Array(4096))).toThrow(/ICU data in another way/);
  });

  it('refuses a table that leads out of the program', () => {
    const { program, table } = makeProgram();
    const index = NAMES.indexOf('de.res');
    Buffer.from(program.buffer, program.byteOffset).writeUInt32LE(0x7fff_ffff, table + 8 + 8 * (index + 1));
    expect(() => trimIcu(program)).toThrow(/damaged at de\.res/);
  });
});
