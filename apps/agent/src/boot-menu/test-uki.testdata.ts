import { createHash } from 'node:crypto';

const SECTOR = 512;
const SECTION_BYTES = 40;
const OPTIONAL_BYTES = 0xf0;

/** A UKI as far as anybody here looks at one: PE headers, kernel, initrd and the command lines of its profiles. */
export function makeTestUki(seed: string): { bytes: Uint8Array; digest: string } {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const sections: [string, Uint8Array][] = [
    ['.cmdline', text(`roothash=${seed}`)],
    ['.linux', text(`kernel of ${seed} `.repeat(99))],
    ['.initrd', text(`initrd of ${seed} `.repeat(77))],
    ['.profile', text('ID=main\n')],
    ['.profile', text('ID=live\n')],
    ['.cmdline', text('bowline.live')],
    ['.profile', text('ID=recovery\n')],
    ['.cmdline', text(`roothash=${seed} bowline.recovery`)],
  ];
  const head = new Uint8Array(2 * SECTOR);
  const view = new DataView(head.buffer);
  head.set(text('MZ'));
  view.setUint32(0x3c, 0x40, true);
  head.set(text('PE\0\0'), 0x40);
  view.setUint16(0x44, 0x8664, true);
  view.setUint16(0x46, sections.length, true);
  view.setUint16(0x54, OPTIONAL_BYTES, true);
  view.setUint16(0x58, 0x20b, true);
  view.setUint32(0x58 + 32, 4096, true);
  view.setUint32(0x58 + 36, SECTOR, true);
  view.setUint32(0x58 + 108, 16, true);
  const pieces: Uint8Array[] = [head];
  let offset = head.length;
  for (const [index, [name, data]] of sections.entries()) {
    const stored = new Uint8Array(Math.ceil(data.length / SECTOR) * SECTOR);
    stored.set(data);
    const at = 0x58 + OPTIONAL_BYTES + index * SECTION_BYTES;
    head.set(text(name), at);
    view.setUint32(at + 8, data.length, true);
    view.setUint32(at + 16, stored.length, true);
    view.setUint32(at + 20, offset, true);
    pieces.push(stored);
    offset += stored.length;
  }
  const bytes = Buffer.concat(pieces);
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}
