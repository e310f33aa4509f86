import { type BytePath, TAR_END, TarParser, tarPadding } from '@bowline/formats';

/**
 * A tar without one folder and what is below it; every other member keeps its bytes. It ends with the bare end marker,
 * because how far a tar is padded depends on what was left out.
 *
 * @throws FormatsError when the input is no tar, or is cut off
 */
export async function* withoutFolder(
  tar: AsyncIterable<Uint8Array>,
  folder: BytePath,
): AsyncGenerator<Uint8Array<ArrayBufferLike>> {
  const parser = new TarParser();
  /** Bytes from `at` on, which may start the headers of a member whose name is not known yet. */
  let held: Uint8Array = new Uint8Array();
  let at = 0;
  /** Where the last known member ends, and whether it stays. */
  let end = 0;
  let stays = true;
  for await (const chunk of tar) {
    const members = parser.push(chunk);
    let bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const take = (count: number): Uint8Array => {
      const taken = bytes.subarray(0, count);
      bytes = bytes.subarray(count);
      at += count;
      return taken;
    };
    for (const member of members) {
      const before = take(end - at);
      if (stays && before.length > 0) yield before;
      end = member.offset + member.storedSize + tarPadding(member.storedSize);
      stays = member.path !== folder && !member.path.startsWith(`${folder}/`);
    }
    const known = take(Math.min(bytes.length, end - at));
    if (stays && known.length > 0) yield known;
    // What follows the end marker is padding.
    held = parser.ended ? held.subarray(0, 0) : bytes;
  }
  parser.finish();
  yield TAR_END;
}
