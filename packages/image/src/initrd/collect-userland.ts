import { type BytePath, type CpioEntry, isElf, parseElf } from '@bowline/formats';
import type { Arch } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { DATA_FILES, LOADED_LIBRARIES, PROGRAMS, UNITS } from './contents.ts';
import type { FileTree } from './file-tree.ts';

const MULTIARCH: Record<Arch, string> = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/**
 * Takes from extracted packages what the initrd runs: the programs and files of the positive list, and every library
 * and loader they need.
 *
 * @throws ImageError `TOOLBOX_FAILED` when the packages lack something of the list, all of it named.
 */
export async function collectUserland(tree: FileTree, arch: Arch): Promise<CpioEntry[]> {
  const collector = new Collector(tree, arch);
  for (const path of [...PROGRAMS, ...DATA_FILES, ...UNITS]) await collector.add(path);
  for (const name of LOADED_LIBRARIES) await collector.addLibrary(name);
  for (const path of tree.below(`usr/lib/${MULTIARCH[arch]}/cryptsetup`)) {
    if (path.includes('tpm2')) await collector.add(path);
  }
  if (collector.missing.size > 0) {
    throw new ImageError({
      code: 'TOOLBOX_FAILED',
      message: `the Debian packages of the initrd lack ${[...collector.missing].sort().join(', ')}`,
      hint: 'The Debian release changed: the lists in packages/image/src/initrd/contents.ts must follow.',
    });
  }
  return [...collector.entries.values()];
}

class Collector {
  readonly entries = new Map<BytePath, CpioEntry>();
  readonly missing = new Set<string>();
  readonly #tree: FileTree;
  readonly #libraryFolders: readonly string[];

  constructor(tree: FileTree, arch: Arch) {
    this.#tree = tree;
    const multiarch = `usr/lib/${MULTIARCH[arch]}`;
    this.#libraryFolders = [multiarch, `${multiarch}/systemd`, 'usr/lib', 'usr/lib/systemd', 'usr/lib64'];
  }

  /** Adds a path; a link with what it leads to, a program with its libraries. */
  async add(path: BytePath): Promise<void> {
    if (this.entries.has(path)) return;
    const entry = this.#tree.entry(path);
    const target = this.#tree.resolve(path);
    if (entry === undefined || target === undefined) {
      this.missing.add(path);
      return;
    }
    if (entry.type === 'symlink') {
      this.entries.set(path, { type: 'symlink', path, target: entry.linkname });
      await this.add(target);
      return;
    }
    const data = await this.#tree.read(path);
    if (data === undefined) return;
    this.entries.set(path, { type: 'file', path, mode: entry.mode & 0o755, data });
    if (isElf(data)) await this.#addNeeded(data);
  }

  async addLibrary(name: string): Promise<void> {
    const folder = this.#libraryFolders.find((candidate) => this.#tree.resolve(`${candidate}/${name}`) !== undefined);
    if (folder === undefined) this.missing.add(name);
    else await this.add(`${folder}/${name}`);
  }

  async #addNeeded(program: Uint8Array): Promise<void> {
    const { interpreter, needed } = parseElf(program);
    if (interpreter !== undefined) await this.add(interpreter.replace(/^\/(?:usr\/)?/, 'usr/'));
    for (const name of needed) await this.addLibrary(name);
  }
}
