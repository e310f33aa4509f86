import { type BytePath, type LoaderPaths, parseElf } from '@bowline/formats';
import { BOWLINE_FOLDER } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import type { FileTree } from '../initrd/file-tree.ts';

/** How Debian calls an architecture in paths, and the name of its program loader (System V ABI supplements). */
export const MULTIARCH = {
  amd64: { triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
} as const satisfies Record<Arch, { triplet: string; loader: string }>;

/** What glibc loads by name when it looks up hosts, users and encodings; needed by programs nowhere in their headers. */
const LOADED = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];

/** What the loader is called in the private folder: short enough for the room a program has for it. */
const LOADER = 'ld.so';

/** Where the agent gets its loader and libraries from: those of the base, if it has any, are others. */
export const PRIVATE_PATHS: LoaderPaths = {
  interpreter: `/${BOWLINE_FOLDER}/${LOADER}`,
  libraries: `/${BOWLINE_FOLDER}`,
};

/**
 * The loader and the libraries that a program needs, from Debian packages of its architecture, by name: all in one folder of
 * their own, so that the same program runs on any base, with another C library or none.
 *
 * @throws ImageError TOOLBOX_FAILED when the packages lack one
 */
export async function privateLibraries(
  program: Uint8Array,
  tree: FileTree,
  arch: Arch,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { triplet, loader } = MULTIARCH[arch];
  const found = new Map([[LOADER, await readLibrary(tree, triplet, loader)]]);
  const waiting = [...parseElf(program).needed, ...LOADED];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    // Who needs the loader finds the one that runs: it answers to this name too.
    if (found.has(name) || name === loader) continue;
    const bytes = await readLibrary(tree, triplet, name);
    found.set(name, bytes);
    waiting.push(...parseElf(bytes).needed);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readLibrary(tree: FileTree, triplet: string, name: BytePath): Promise<Uint8Array> {
  const bytes = await tree.read(`usr/lib/${triplet}/${name}`);
  if (bytes !== undefined) return bytes;
  throw new ImageError({
    code: 'TOOLBOX_FAILED',
    message: `the Debian packages of the initrd lack ${name}, which the agent needs`,
    hint: 'The Debian release changed: the lists in packages/image/src/initrd/contents.ts must follow.',
  });
}
