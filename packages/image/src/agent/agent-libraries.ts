import { type BytePath, parseElf } from '@bowline/formats';
import { BOWLINE_FOLDER } from '@bowline/os-layout';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import type { FileTree } from '../initrd/file-tree.ts';

/** How Debian calls an architecture in paths, and the name of its program loader. */
export const MULTIARCH = {
  amd64: { triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
} as const satisfies Record<Arch, { triplet: string; loader: string }>;

/** What glibc loads by name when it looks up hosts, users and encodings; needed by programs nowhere in their headers. */
const LOADED = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];

/** Where the agent expects its loader: the base's own, if it has one, is another. */
export function privateLoader(arch: Arch): string {
  return `/${BOWLINE_FOLDER}/${MULTIARCH[arch].loader}`;
}

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
  const found = new Map<string, Uint8Array>();
  const waiting = [MULTIARCH[arch].loader, ...parseElf(program).needed, ...LOADED];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (found.has(name)) continue;
    const bytes = await readLibrary(tree, arch, name);
    found.set(name, bytes);
    waiting.push(...parseElf(bytes).needed);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readLibrary(tree: FileTree, arch: Arch, name: BytePath): Promise<Uint8Array> {
  const bytes = await tree.read(`usr/lib/${MULTIARCH[arch].triplet}/${name}`);
  if (bytes !== undefined) return bytes;
  throw new ImageError({
    code: 'TOOLBOX_FAILED',
    message: `the Debian packages of the initrd lack ${name}, which the agent needs`,
    hint: 'The Debian release changed: the lists in packages/image/src/initrd/contents.ts must follow.',
  });
}
