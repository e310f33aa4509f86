import {
  type BytePath,
  displayPath,
  encodeHeader,
  type IndexedEntry,
  TAR_END,
  TarParser,
  tarPadding,
} from '@bowline/formats';
import { ImageError } from '../error.ts';

/**
 * The same members in a tar as this project writes it, without one folder and what is below it. Versions of tar write the same
 * member in different ways (1.35 leaves fields empty that 1.34 fills with zeros), and pad the end each to their own taste.
 *
 * @throws FormatsError when the input is no tar, or is cut off
 * @throws ImageError LAYER_INVALID when it has sparse files
 */
export async function* canonicalTar(
  tar: AsyncIterable<Uint8Array>,
  options: { without: BytePath },
): AsyncGenerator<Uint8Array> {
  const parser = new TarParser();
  let bytes: Uint8Array = new Uint8Array();
  /** Offset of `bytes` in the input. */
  let at = 0;
  /** Where the last member ends, and whether it stays. */
  let end = 0;
  let stays = true;
  const take = (count: number): Uint8Array => {
    const taken = bytes.subarray(0, count);
    bytes = bytes.subarray(count);
    at += count;
    return taken;
  };
  for await (const chunk of tar) {
    const members = parser.push(chunk);
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const out: Uint8Array[] = [];
    for (const member of members) {
      const rest = take(end - at);
      if (stays) out.push(rest);
      take(member.offset - end);
      end = member.offset + member.storedSize + tarPadding(member.storedSize);
      stays = !isWithin(member.path, options.without);
      if (stays) out.push(encodeHeader(plain(member)));
    }
    const known = take(Math.min(bytes.length, end - at));
    if (stays) out.push(known);
    // What follows the end marker is padding; anything else may start the headers of a member that is not known yet.
    if (parser.ended) bytes = bytes.subarray(0, 0);
    yield Buffer.concat(out);
  }
  parser.finish();
  yield TAR_END;
}

function isWithin(path: BytePath, folder: BytePath): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function plain(member: IndexedEntry): IndexedEntry {
  if (member.sparse === undefined) return member;
  throw new ImageError({
    code: 'LAYER_INVALID',
    message: `the file "${displayPath(member.path)}" is sparse, which trees of packages never are`,
    hint: 'Use the tar and mmdebstrap of the Debian release of this machine.',
  });
}
