const SIGNATURE = 'CmnD';
/** A locale that is not English: its texts, sort orders and names of places. */
const FOREIGN =
  /^(?!en(?:_US|_US_POSIX|_001)?\.res$)[a-z]{2,3}(?:_[A-Z][a-z]{3})?(?:_(?:[A-Z]{2}|\d{3}))?(?:_[A-Z]+)?\.res$/;
/** Encodings of other times, rules of transliteration, and dictionaries for breaking lines in languages without spaces. */
const UNUSED = /(?:^translit\/.*|\.cnv|\.dict)$/;
/** What the Encoding Standard calls latin1. */
const LATIN1 = /^ibm-5348_/;
const FEWEST = 1000;
const MOST = 20_000;

/**
 * Takes out of a program what its ICU knows of languages other than English: a quarter of a compressed agent, which speaks to
 * logs and administrators. The items leave the table of contents, so that ICU falls back to its root locale as for any language it does
 * not know, and their bytes become zeros, which compress to nothing. Formats by "ICU Data", and `UDataOffsetTOC` of its
 * ucmndata.h. Returns the bytes that were blanked.
 */
export function trimIcu(program: Uint8Array): number {
  const bytes = Buffer.from(program.buffer, program.byteOffset, program.byteLength);
  const table = findTable(bytes);
  const count = bytes.readUInt32LE(table);
  const items = Array.from({ length: count }, (_, index) => {
    const at = table + 4 + 8 * index;
    const name = table + bytes.readUInt32LE(at);
    return {
      entry: bytes.subarray(at, at + 8).toString('latin1'),
      path: bytes.toString('latin1', name, bytes.indexOf(0, name)).replace(/^icudt\d+l\//, ''),
      start: table + bytes.readUInt32LE(at + 4),
    };
  });
  let blanked = 0;
  // Where the last one ends is not said: it stays.
  const kept = items.filter(({ path, start }, index) => {
    const end = items[index + 1]?.start;
    if (end === undefined || !isUnused(path)) return true;
    if (end < start || end > bytes.length) throw new Error(`the ICU data of Node is damaged at ${path}`);
    bytes.fill(0, start, end);
    blanked += end - start;
    return false;
  });
  bytes.writeUInt32LE(kept.length, table);
  bytes.fill(0, table + 4, table + 4 + 8 * count);
  for (const [index, { entry }] of kept.entries()) bytes.write(entry, table + 4 + 8 * index, 'latin1');
  return blanked;
}

function isUnused(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return FOREIGN.test(name) || (UNUSED.test(path) && !LATIN1.test(name));
}

/** Offset of the table of contents: after a header that names its own size, and the signature at a fixed place in it. */
function findTable(bytes: Buffer): number {
  for (let at = bytes.indexOf(SIGNATURE); at >= 0; at = bytes.indexOf(SIGNATURE, at + 1)) {
    if (at < 12 || bytes[at - 10] !== 0xda || bytes[at - 9] !== 0x27) continue;
    const table = at - 12 + bytes.readUInt16LE(at - 12);
    const count = bytes.readUInt32LE(table);
    if (count >= FEWEST && count <= MOST) return table;
  }
  throw new Error('Node brings its ICU data in another way than expected');
}
