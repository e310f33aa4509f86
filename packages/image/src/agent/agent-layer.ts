import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { bytePathOf, encodeHeader, NO_XATTRS, TAR_END, tarPadding } from '@bowline/formats';
import { BOWLINE_FOLDER, SOURCE_EPOCH } from '@bowline/os-layout';

const PROGRAM = 'bowline-agent';

/** The agent and its libraries as an uncompressed layer: one folder, owned by root, in the order of names. */
export async function* agentLayer(
  programPath: string,
  libraries: ReadonlyMap<string, Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const { size } = await stat(programPath);
  for (const name of [PROGRAM, ...libraries.keys()].sort()) {
    const library = libraries.get(name);
    const length = library?.length ?? size;
    yield memberHeader(name, length);
    if (library !== undefined) yield library;
    else yield* createReadStream(programPath, { highWaterMark: 2 ** 20 }) as AsyncIterable<Uint8Array>;
    yield new Uint8Array(tarPadding(length));
  }
  yield TAR_END;
}

function memberHeader(name: string, size: number): Uint8Array {
  return encodeHeader({
    path: bytePathOf(`${BOWLINE_FOLDER}/${name}`),
    type: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size,
    mtime: SOURCE_EPOCH,
    linkname: '',
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: NO_XATTRS,
  });
}
